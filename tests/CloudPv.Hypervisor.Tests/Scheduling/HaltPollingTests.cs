namespace CloudPv.Hypervisor.Tests.Scheduling;

/// <summary>How a vCPU learns from its waits whether to look out for work before it sleeps. Times in ns.</summary>
public sealed class HaltPollingTests
{
    private readonly HaltPolling _polling = new();

    [Fact]
    public void A_vcpu_that_has_not_waited_yet_sleeps_at_once() => _polling.Window.ShouldBe(0ul);

    [Fact]
    public void Short_waits_make_the_window_grow_until_it_holds_them()
    {
        for (int wait = 0; wait < 5; wait++)
            _polling.Learn(30_000);

        _polling.Window.ShouldBe(40_000ul);
    }

    [Fact]
    public void The_window_never_exceeds_the_longest()
    {
        for (int wait = 0; wait < 20; wait++)
            _polling.Learn(HaltPolling.LongestWindow);

        _polling.Window.ShouldBe(HaltPolling.LongestWindow);
    }

    [Fact]
    public void One_long_wait_ends_the_looking_out()
    {
        _polling.Learn(30_000);

        _polling.Learn(1_000_000);

        _polling.Window.ShouldBe(0ul);
    }

    [Fact]
    public void A_thread_that_wants_the_processor_ends_the_looking_out()
    {
        _polling.Learn(30_000);

        _polling.Stop();

        _polling.Window.ShouldBe(0ul);
    }
}
