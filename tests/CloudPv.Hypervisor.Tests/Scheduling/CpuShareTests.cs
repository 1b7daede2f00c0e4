using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Scheduling;

/// <summary>Weight, cap and pinning of a domain.</summary>
public sealed class CpuShareTests
{
    private const int VcpuOp = 24, GetRunstateInfo = 4;

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    public void A_weight_outside_xens_range_is_refused(int weight) =>
        Refusal(new() { Weight = weight }).ShouldBe($"a weight is 1 to 65535, not {weight}");

    [Theory]
    [InlineData(-1)]
    [InlineData(101)]
    public void A_cap_beyond_the_vcpus_is_refused(int cap) =>
        Refusal(new() { Cap = cap }).ShouldBe($"a cap is 1 to 100 percent of a processor for 1 vCPUs, or 0 for none, not {cap}");

    [Fact]
    public void A_processor_that_the_host_does_not_have_is_refused() => Refusal(new() { Cpus = [1023] }).ShouldStartWith("this host has no CPU 1023 for domains");

    [Theory]
    [InlineData(256, 0)]
    [InlineData(205, 1)]
    [InlineData(128, 3)]
    [InlineData(512, -3)]
    [InlineData(65535, -20)]
    [InlineData(1, 19)]
    public void A_weight_is_the_nice_value_of_the_same_factor(int weight, int nice) => new CpuShare { Weight = weight }.NiceOffset.ShouldBe(nice);

    [Fact]
    public void A_pinned_vcpus_thread_runs_on_its_processors_alone()
    {
        int cpu = HostThread.UsableCpus()[^1];
        using var guest = new TestGuest(SpinForEver, share: new() { Cpus = [cpu] }, id: 4712);
        guest.Domain.Unpause();
        guest.WaitForResult(0);

        CpusOf("d4712v0").ShouldBe($"{cpu}");
    }

    [Fact]
    public void The_time_that_a_cap_takes_from_a_vcpu_is_runnable_time()
    {
        using var guest = new TestGuest(c =>
        {
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.Call(VcpuOp, GetRunstateInfo, 0, GuestCode.Arguments);
            c.cmp(__qword_ptr[GuestCode.Arguments + 24], 0);
            c.je(again);
            c.ShutDown();
        }, share: new() { Cap = 10 });
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.PowerOff);
    }

    private static void SpinForEver(Assembler c)
    {
        Label forever = c.CreateLabel();
        c.Label(ref forever);
        c.inc(__qword_ptr[GuestCode.Results]);
        c.jmp(forever);
    }

    private static string Refusal(CpuShare share) =>
        Should.Throw<DomainBuildException>(() => new TestGuest(static c => c.ShutDown(), share: share)).Message;

    /// <summary>Cpus_allowed_list of the thread with that name.</summary>
    private static string CpusOf(string thread)
    {
        string task = Directory.GetDirectories("/proc/self/task").Single(task => File.ReadAllText(Path.Combine(task, "comm")).Trim() == thread);
        return File.ReadLines(Path.Combine(task, "status")).Single(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split('\t')[1];
    }
}
