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
    public async Task The_kernel_log_has_no_oops_and_no_stall()
    {
        await using var instance = await TestInstance.LaunchAsync(service, vcpus: 2);
        await using var console = await instance.LogInAsync();

        (await console.RunAsync("dmesg | grep -cE 'Oops|BUG:|rcu.*stall|soft lockup|Call Trace' || true")).ShouldBe("0");
    }

    [Fact]
    public async Task The_kernel_warns_in_its_log_and_not_on_the_console_of_who_works_there()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await instance.WaitForAsync("running");
        await using var console = await GuestConsole.OpenAsync(service, instance.Id);
        await console.ExpectAsync("Run /init as init process"); // the boot itself is told there
        await console.ExpectAsync("login: ");
        await console.TypeAsync("root\n");
        await console.ExpectAsync("root@.*:~# ");

        (await console.RunAsync("echo '<4>a warning' > /dev/kmsg; echo none")).ShouldBe("none");
        (await console.RunAsync("echo '<3>an error' > /dev/kmsg")).ShouldContain("an error");
        (await console.RunAsync("dmesg | grep -c 'a warning'")).ShouldBe("1");
    }

    private static string ZeroSum { get; } = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(new byte[4_000_000]));
}
