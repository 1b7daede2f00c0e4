namespace CloudPv.Dom0.Block;

/// <summary>
/// Whether a disk answers without a wait, as one in the host's page cache does, so that the thread which brings a request had better carry it out itself than wake
/// another. One request that waits sends the next ones to the workers: the more often that happens, the more of them. For one caller at a time.
/// </summary>
internal sealed class DiskPace
{
    public const int ShortestRun = 8, LongestRun = 4096;

    private int _run;
    private int _needed = ShortestRun;

    /// <summary>Whether so many requests in a row went without a wait that the next one is believed to.</summary>
    public bool IsQuick => _run >= _needed;

    /// <param name="waited">Whether the thread that carried a request out had to wait for the host.</param>
    public void Count(bool waited)
    {
        if (waited)
        {
            if (IsQuick)
                _needed = Math.Min(_needed * 4, LongestRun);
            _run = 0;
        }
        else if (_run < LongestRun && ++_run == LongestRun)
        {
            _needed = ShortestRun;
        }
    }
}
