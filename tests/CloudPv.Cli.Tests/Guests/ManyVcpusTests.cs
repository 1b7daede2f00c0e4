using System.Globalization;
using System.Text.RegularExpressions;
using CloudPv.Dom0;
using CloudPv.Dom0.Net;
using CloudPv.Hypervisor;

namespace CloudPv.Cli.Tests.Guests;

/// <summary>Debian's own kernel on as many vCPUs as shared_info has room for.</summary>
public sealed class ManyVcpusTests(BuiltStarterImage image)
{
    private const int Vcpus = 32;

    [Fact]
    public async Task All_of_32_vcpus_come_up_and_take_timer_interrupts_and_ipis()
    {
        using var host = new Host(new HostOptions());
        using var network = new HostNetwork(NetworkPlan.Default);
        using var toolstack = new Toolstack(host, static _ => { }, network);
        await using var guest = await StarterGuest.StartAsync(image, toolstack, network, "many", 0, Vcpus);

        (await guest.RunAsync("nproc")).ShouldBe(Vcpus.ToString(CultureInfo.InvariantCulture));
        // Each is called from another CPU, and then sleeps.
        await guest.RunAsync($"for cpu in $(seq 0 {Vcpus - 1}); do taskset -c $cpu sleep 0.01; done");
        var interrupts = await guest.RunAsync("cat /proc/interrupts");
        for (var cpu = 0; cpu < Vcpus; cpu++)
        {
            CountOf(interrupts, "timer", cpu).ShouldBePositive($"timer interrupts of CPU {cpu}");
            CountOf(interrupts, "callfunc", cpu).ShouldBePositive($"calls to CPU {cpu}");
        }

        (await guest.RunAsync("dmesg | grep -cE 'Oops|BUG:|Call Trace' || true")).ShouldBe("0");
    }

    /// <summary>How often a CPU took the interrupt of its own that has this name.</summary>
    private static int CountOf(string interrupts, string name, int cpu)
    {
        var line = interrupts.Split('\n').Single(line => Regex.IsMatch(line, $@"\s{name}{cpu}$"));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1 + cpu], CultureInfo.InvariantCulture);
    }
}
