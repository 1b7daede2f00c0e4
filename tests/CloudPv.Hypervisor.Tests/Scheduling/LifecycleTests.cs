using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Scheduling;

/// <summary>How a domain starts, pauses and ends (xen/include/public/sched.h).</summary>
public sealed class LifecycleTests
{
    private const int SchedOp = 29, SchedOpCompat = 6, VcpuOp = 24;
    private const int Shutdown = 2, Watchdog = 6, Down = 2;

    [Theory]
    [InlineData(0, ShutdownReason.PowerOff)]
    [InlineData(1, ShutdownReason.Reboot)]
    [InlineData(2, ShutdownReason.Suspend)]
    [InlineData(3, ShutdownReason.Crash)]
    public void A_shutdown_ends_the_domain_with_its_reason(int reason, ShutdownReason expected)
    {
        using var guest = new TestGuest(c => c.ShutDown(reason));
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(expected);
    }

    [Fact]
    public void Of_a_reason_the_low_8_bits_count()
    {
        using var guest = new TestGuest(static c => c.Call(SchedOpCompat, Shutdown, 0x1234_5601));
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.Reboot);
    }

    [Fact]
    public void The_last_vcpu_that_goes_down_powers_the_domain_off()
    {
        using var guest = new TestGuest(static c => c.Call(VcpuOp, Down, 0));
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.PowerOff);
    }

    [Fact]
    public async Task A_domain_that_crashes_on_the_way_back_to_its_code_runs_no_more_of_it()
    {
        using var guest = new TestGuest(c =>
        {
            c.MapSharedInfo();
            c.mov(__byte_ptr[GuestCode.UpcallPending], 1);
            c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
            c.Call(SchedOp, 0);
            CountForEver(c);
        });
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.Crash, "there is no event callback");
        await Task.Run(guest.Domain.Gate.WaitUntilAllRest, TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        guest.Result(0).ShouldBe(0ul);
    }

    [Fact]
    public void A_watchdog_that_is_not_renewed_ends_the_domain()
    {
        using var guest = new TestGuest(c =>
        {
            Label forever = c.CreateLabel();
            c.mov(__dword_ptr[GuestCode.Arguments], 0);
            c.mov(__dword_ptr[GuestCode.Arguments + 4], 1);
            c.Call(SchedOp, Watchdog, GuestCode.Arguments);
            c.Label(ref forever);
            c.jmp(forever);
        });
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.Watchdog);
    }

    [Fact]
    public void A_paused_domain_does_nothing_until_it_is_unpaused()
    {
        using var guest = new TestGuest(static c => CountForEver(c));
        guest.Domain.Unpause();
        guest.WaitForResult(0);

        guest.Domain.Pause();
        ulong paused = guest.Result(0);
        Thread.Yield();
        guest.Result(0).ShouldBe(paused);

        guest.Domain.Unpause();
        SpinWait.SpinUntil(() => guest.Result(0) > paused, TimeSpan.FromSeconds(60)).ShouldBeTrue();
    }

    [Fact]
    public void A_running_domain_can_be_destroyed()
    {
        var guest = new TestGuest(static c => CountForEver(c));
        guest.Domain.Unpause();
        guest.WaitForResult(0);

        guest.Dispose();

        guest.Domain.Shutdown.IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public void A_domain_that_never_ran_can_be_destroyed()
    {
        var guest = new TestGuest(static c => c.ShutDown());

        Should.NotThrow(guest.Dispose);
    }

    [Fact]
    public void Domains_that_came_and_went_leave_no_thread_and_no_memory_file_behind()
    {
        const ushort Id = 4711;
        for (int round = 0; round < 10; round++)
        {
            using var guest = new TestGuest(static c => CountForEver(c), vcpus: 2, id: Id);
            guest.Domain.Unpause();
            guest.WaitForResult(0);
        }

        // A thread that was joined may still be on its last steps in the kernel.
        SpinWait.SpinUntil(
            () => !Directory.GetDirectories("/proc/self/task").Select(NameOfTask).Any(name => name.StartsWith($"d{Id}", StringComparison.Ordinal)),
            TimeSpan.FromSeconds(10)).ShouldBeTrue();
        File.ReadLines("/proc/self/maps").ShouldNotContain(line => line.Contains($"test{Id}", StringComparison.Ordinal));
        Directory.GetFiles("/proc/self/fd").Select(TargetOfFile).ShouldNotContain(target => target.Contains($"test{Id}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    public void So_many_vcpus_are_refused(int vcpus)
    {
        DomainBuildException refusal = Should.Throw<DomainBuildException>(() => new TestGuest(static c => c.ShutDown(), vcpus));

        refusal.Message.ShouldContain($"not {vcpus}");
    }

    private static string NameOfTask(string task) => ReadIfThere(() => File.ReadAllText(Path.Combine(task, "comm")));

    private static string TargetOfFile(string file) => ReadIfThere(() => File.ResolveLinkTarget(file, returnFinalTarget: false)?.FullName ?? "");

    /// <summary>A thread or file of another test may go while this one looks.</summary>
    private static string ReadIfThere(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static void CountForEver(Assembler c)
    {
        Label forever = c.CreateLabel();
        c.Label(ref forever);
        c.inc(__qword_ptr[GuestCode.Results]);
        c.jmp(forever);
    }
}
