using CloudPv.Dom0.Block;

namespace CloudPv.Dom0.Tests.Block;

public sealed class DiskPaceTests
{
    private readonly DiskPace _pace = new();

    [Fact]
    public void A_disk_is_quick_after_a_run_of_requests_without_a_wait()
    {
        Count(DiskPace.ShortestRun - 1);
        _pace.IsQuick.ShouldBeFalse();

        Count(1);

        _pace.IsQuick.ShouldBeTrue();
    }

    [Fact]
    public void One_wait_ends_the_run()
    {
        Count(100);

        _pace.Count(waited: true);

        _pace.IsQuick.ShouldBeFalse();
    }

    [Fact]
    public void Each_time_that_it_was_believed_in_vain_makes_the_run_longer()
    {
        Count(DiskPace.ShortestRun);
        _pace.Count(waited: true);

        Count((4 * DiskPace.ShortestRun) - 1);

        _pace.IsQuick.ShouldBeFalse();
    }

    [Fact]
    public void The_longest_run_makes_good_for_all_waits()
    {
        Count(DiskPace.ShortestRun);
        _pace.Count(waited: true);
        Count(DiskPace.LongestRun);
        _pace.Count(waited: true);
        _pace.Count(waited: true);

        Count(4 * DiskPace.ShortestRun);

        _pace.IsQuick.ShouldBeTrue();
    }

    private void Count(int requests)
    {
        for (int request = 0; request < requests; request++)
            _pace.Count(waited: false);
    }
}
