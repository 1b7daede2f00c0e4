using System.Globalization;

namespace CloudPv.EndToEnd.Tests;

public sealed class BootTests(RunningService service)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_debian_kernel_boots_to_a_shell_with_all_its_cpus(int vcpus)
    {
        await using var instance = await TestInstance.LaunchAsync(service, vcpus);
        await using var console = await instance.LogInAsync();

        (await console.RunAsync("nproc")).ShouldBe(vcpus.ToString(CultureInfo.InvariantCulture));
        (await console.RunAsync("uname -sr")).ShouldStartWith("Linux 6.");
    }

    [Fact]
    public async Task Every_cpu_takes_timer_interrupts()
    {
        await using var instance = await TestInstance.LaunchAsync(service, vcpus: 2);
        await using var console = await instance.LogInAsync();

        // A line of two counters, one for each CPU's own timer event.
        var timers = await console.RunAsync("for cpu in 0 1; do taskset -c $cpu sleep 1; done; grep -E 'timer[01]$' /proc/interrupts");

        var counters = timers.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        counters.Length.ShouldBe(2);
        int.Parse(counters[0][1], CultureInfo.InvariantCulture).ShouldBePositive();
        int.Parse(counters[1][2], CultureInfo.InvariantCulture).ShouldBePositive();
    }

    [Fact]
    public async Task All_cpus_compute_the_right_sums_at_once()
    {
        await using var instance = await TestInstance.LaunchAsync(service, vcpus: 2);
        await using var console = await instance.LogInAsync();

        var sums = await console.RunAsync("for i in 1 2 3 4; do head -c 4000000 /dev/zero | sha256sum & done; wait");

        // sha256 of four million zero bytes, as coreutils computes it on any machine.
        sums.Split('\n').Count(line => line.StartsWith(ZeroSum, StringComparison.Ordinal)).ShouldBe(4);
    }

    [Fact]
    public async Task The_kernel_log_has_no_error_that_a_boot_on_xen_lacks()
    {
        await using var instance = await TestInstance.LaunchAsync(service, vcpus: 2);
        await using var console = await instance.LogInAsync();

        // Levels 0 to 3. Xen has no local APIC to show either, which Linux says of each CPU but the first.
        (await console.RunAsync("dmesg -r | grep '^<[0-3]>' | grep -v 'APIC id mismatch' || true")).ShouldBeEmpty();
        (await console.RunAsync("dmesg | grep -E 'Oops|BUG:|rcu.*stall|soft lockup|Call Trace' || true")).ShouldBeEmpty();
    }

    private static string ZeroSum { get; } = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(new byte[4_000_000]));
}
