using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud.Tests;

public sealed class ReconciliationTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    // A launch that the host doesn't know of, or knows only from before, is sent; one that it works on is not sent again.
    [InlineData(InstanceState.Pending, 1, null, null, "Launch")]
    [InlineData(InstanceState.Pending, 2, 1, DomainState.Stopped, "Launch")]
    [InlineData(InstanceState.Pending, 1, 1, DomainState.Starting, "Nothing")]
    [InlineData(InstanceState.Pending, 1, 1, DomainState.Running, "Become Running")]
    [InlineData(InstanceState.Pending, 1, 1, DomainState.Stopped, "Become Stopped")]
    // What runs, runs; what ended on its host has ended.
    [InlineData(InstanceState.Running, 1, 1, DomainState.Running, "Nothing")]
    [InlineData(InstanceState.Running, 1, 1, DomainState.Stopped, "Become Stopped")]
    [InlineData(InstanceState.Running, 1, null, null, "Become Stopped")]
    // A stop is asked for until it has happened.
    [InlineData(InstanceState.Stopping, 1, 1, DomainState.Starting, "Stop")]
    [InlineData(InstanceState.Stopping, 1, 1, DomainState.Running, "Stop")]
    [InlineData(InstanceState.Stopping, 1, 1, DomainState.Stopped, "Become Stopped")]
    [InlineData(InstanceState.Stopping, 1, null, null, "Become Stopped")]
    // A stopped instance that runs is running.
    [InlineData(InstanceState.Stopped, 1, 1, DomainState.Stopped, "Nothing")]
    [InlineData(InstanceState.Stopped, 1, null, null, "Nothing")]
    [InlineData(InstanceState.Stopped, 1, 1, DomainState.Running, "Become Running")]
    // Nothing is terminated before its host has let go of it.
    [InlineData(InstanceState.ShuttingDown, 1, 1, DomainState.Running, "Destroy")]
    [InlineData(InstanceState.ShuttingDown, 2, 1, DomainState.Stopped, "Destroy")]
    [InlineData(InstanceState.ShuttingDown, 1, null, null, "Become Terminated")]
    [InlineData(InstanceState.Terminated, 1, 1, DomainState.Stopped, "Destroy")]
    [InlineData(InstanceState.Terminated, 1, null, null, "Nothing")]
    public void The_next_step_follows_from_what_is_wanted_and_what_is(InstanceState wanted, int run, int? hostRun, DomainState? host, string step)
    {
        var report = host is null ? null : new InstanceReport("i-1", hostRun!.Value, host.Value, host == DomainState.Stopped ? StopReason.Poweroff : null, null);
        Describe(Reconciliation.Next(InstanceIn(wanted, run), report)).ShouldBe(step);
    }

    [Fact]
    public void A_first_launch_that_can_not_be_built_ends_terminated_with_the_reason()
    {
        var failed = new InstanceReport("i-1", 1, DomainState.Stopped, StopReason.BuildFailed, "No entry point.");
        var step = Reconciliation.Next(InstanceIn(InstanceState.Pending, 1), failed).ShouldBeOfType<Step.Become>();
        step.ShouldBe(new Step.Become(InstanceState.Terminated, "build-failed", "Its domain could not be built. No entry point."));
    }

    [Fact]
    public void A_later_start_that_can_not_be_built_ends_stopped()
    {
        var failed = new InstanceReport("i-1", 2, DomainState.Stopped, StopReason.BuildFailed, null);
        Describe(Reconciliation.Next(InstanceIn(InstanceState.Pending, 2), failed)).ShouldBe("Become Stopped");
    }

    [Theory]
    [InlineData(StopReason.Poweroff, "poweroff")]
    [InlineData(StopReason.Suspend, "suspend")]
    [InlineData(StopReason.Crash, "crash")]
    [InlineData(StopReason.Killed, "killed")]
    [InlineData(StopReason.Watchdog, "watchdog")]
    public void The_guests_own_end_gives_the_reason(StopReason reason, string word)
    {
        var ended = new InstanceReport("i-1", 1, DomainState.Stopped, reason, null);
        Reconciliation.Next(InstanceIn(InstanceState.Running, 1), ended).ShouldBeOfType<Step.Become>().Reason.ShouldBe(word);
    }

    private static Instance InstanceIn(InstanceState state, int run)
    {
        var instance = new Instance
        {
            Id = "i-1",
            AccountId = "1",
            ReservationId = "r-1",
            LaunchIndex = 0,
            Name = "test",
            ImageId = "ami-1",
            KernelId = "aki-1",
            InstanceType = "t1.nano",
            Vcpus = 1,
            MemoryMiB = 128,
            CommandLine = "",
            HostId = "host",
            MacAddress = "00:16:3e:00:00:01",
            PrivateIp = "10.0.0.16",
            CreatedAt = Now,
        };
        for (var start = 0; start < run; start++)
            instance.Start(Now);
        instance.Become(state, null, null, Now);
        return instance;
    }

    private static string Describe(Step step) => step is Step.Become become ? $"Become {become.State}" : step.GetType().Name;
}
