namespace CloudPv.Hypervisor.Tests.Scheduling;

/// <summary>How a vCPU learns from its waits whether to look out for work before it sleeps, on a clock of the test's own. Times in ns.</summary>
public sealed class HaltPollingTests
{
    private readonly HaltPolling _polling;
    private ulong _now = HaltPolling.Interval, _runDelay;

    public HaltPollingTests() => _polling = new(() => _runDelay);

    [Fact]
    public void A_vcpu_that_has_not_waited_yet_sleeps_at_once() => WindowAfterAnInterval().ShouldBe(0ul);

    [Fact]
    public void Short_waits_make_the_window_grow_until_it_holds_them()
    {
        Learn(30_000, times: 5);

        WindowAfterAnInterval().ShouldBe(40_000ul);
    }

    [Fact]
    public void The_window_never_exceeds_the_longest()
    {
        Learn(HaltPolling.LongestWindow, times: 20);

        WindowAfterAnInterval().ShouldBe(HaltPolling.LongestWindow);
    }

    [Fact]
    public void One_long_wait_ends_the_looking_out()
    {
        Learn(30_000, times: 5);

        _polling.Learn(1_000_000);

        WindowAfterAnInterval().ShouldBe(0ul);
    }

    [Fact]
    public void A_thread_that_has_to_wait_for_a_processor_does_not_look_out()
    {
        Learn(30_000, times: 5);
        WindowAfterAnInterval();

        _runDelay += HaltPolling.Interval / 2;

        WindowAfterAnInterval().ShouldBe(0ul);
    }

    [Fact]
    public void It_looks_out_again_when_processors_are_no_longer_scarce()
    {
        Learn(30_000, times: 5);
        WindowAfterAnInterval();
        _runDelay += HaltPolling.Interval / 2;
        WindowAfterAnInterval();

        WindowAfterAnInterval().ShouldBe(40_000ul);
    }

    [Fact]
    public void Where_processors_stay_scarce_the_look_out_is_seldom_tried()
    {
        Learn(30_000, times: 5);
        int tried = 0;
        for (int interval = 0; interval < 1000; interval++)
        {
            _runDelay += HaltPolling.Interval / 2;
            if (WindowAfterAnInterval() > 0)
                tried++;
        }

        tried.ShouldBeLessThan(1000 / 50);
    }

    private void Learn(ulong waited, int times)
    {
        for (int wait = 0; wait < times; wait++)
            _polling.Learn(waited);
    }

    private ulong WindowAfterAnInterval() => _polling.Window(_now += HaltPolling.Interval);
}
