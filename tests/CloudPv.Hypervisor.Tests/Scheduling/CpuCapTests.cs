namespace CloudPv.Hypervisor.Tests.Scheduling;

/// <summary>A cap's account on a clock of the test's own. Times in ns.</summary>
public sealed class CpuCapTests
{
    private const ulong Period = CpuCap.Period, Share = Period / 2;

    private readonly CpuCap _cap = new(percent: 50, vcpus: 2);

    [Fact]
    public void A_vcpu_may_run_while_some_of_the_periods_share_is_left() => _cap.Charge(Share - 1, now: 0).MayRun.ShouldBeTrue();

    [Fact]
    public void A_share_that_is_used_up_comes_again_with_the_next_period()
    {
        _cap.Charge(Share, now: Share).ShouldBe((false, Period));

        _cap.Charge(0, now: Period).MayRun.ShouldBeTrue();
    }

    [Fact]
    public void What_was_used_beyond_the_share_is_taken_off_the_next_ones() =>
        _cap.Charge(3 * Share, now: Share).ShouldBe((false, 3 * Period));

    [Fact]
    public void What_was_not_used_is_not_saved_up()
    {
        _cap.Charge(0, now: 0);

        _cap.Charge(Share, now: 100 * Period).MayRun.ShouldBeFalse();
    }

    [Fact]
    public void All_vcpus_draw_on_one_share()
    {
        _cap.Charge(Share / 2, now: Share / 2).MayRun.ShouldBeTrue();

        _cap.Charge(Share / 2, now: Share / 2).MayRun.ShouldBeFalse();
    }

    [Fact]
    public void A_vcpu_is_charged_again_when_it_may_have_used_its_part_of_what_is_left() =>
        _cap.Charge(0, now: 7).Until.ShouldBe(7 + Share / 2);

    [Theory]
    [InlineData(10, 1)]
    [InlineData(50, 4)]
    [InlineData(150, 4)]
    public void Vcpus_that_always_want_to_run_get_the_cap_in_the_long_run(int percent, int vcpus)
    {
        const ulong Step = 50_000;
        const int Periods = 200;
        var cap = new CpuCap(percent, vcpus);
        var next = new (bool MayRun, ulong Until)[vcpus];
        ulong[] used = new ulong[vcpus];
        ulong[] charged = new ulong[vcpus];
        for (ulong now = 0; now < Periods * Period; now += Step)
        {
            // The host wakes threads in any order.
            int first = (int)(now / Period);
            foreach (int vcpu in Enumerable.Range(first, vcpus).Select(index => index % vcpus))
            {
                if (next[vcpu].Until <= now)
                {
                    next[vcpu] = cap.Charge(used[vcpu] - charged[vcpu], now);
                    charged[vcpu] = used[vcpu];
                }
                if (next[vcpu].MayRun)
                    used[vcpu] += Step;
            }
        }

        ulong total = used.Aggregate(0ul, (sum, one) => sum + one);
        ((double)total / (Periods * Period)).ShouldBe(percent / 100.0, tolerance: percent / 100.0 * 0.02);
        ((double)used.Max() / used.Min()).ShouldBeInRange(1, 1.2, "all have the same part");
    }
}
