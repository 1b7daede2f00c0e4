namespace CloudPv.X86;

/// <summary>
/// The linear pages that a mode's jump cache leads to, with the frames that they showed. A flush of the TLB asks whether they still do, which costs a few nanoseconds
/// a page, instead of emptying the jump cache, which costs a visit to the run loop for every jump.
/// </summary>
internal sealed class ExecutedPages(PageWalker walker)
{
    /// <summary>Beyond this, asking costs more than it saves. A kernel at work executes some 1500 pages.</summary>
    private const int Most = 4096;

    private const int RegionShift = 21;

    private readonly Dictionary<ulong, ulong> _frames = [];

    public bool HasRoom => _frames.Count < Most;

    public void Add(ulong address, ulong frame) => _frames[address & ~0xffful] = frame;

    public bool Contains(ulong address) => _frames.ContainsKey(address & ~0xffful);

    public void Clear() => _frames.Clear();

    /// <summary>Whether every page still leads to its frame and may be executed; those are given to <paramref name="fetcher"/>.</summary>
    public bool AreUnchanged(CodeFetcher fetcher)
    {
        var region = ulong.MaxValue;
        ulong table = 0;
        foreach (var (page, frame) in _frames)
        {
            if (page >> RegionShift != region)
            {
                region = page >> RegionShift;
                if (!walker.TryFindCodeTable(fetcher.Root, page, out table))
                    return false;
            }

            if (!walker.IsCode(table, page, frame))
                return false;
            fetcher.Insert(page, frame);
        }

        return true;
    }
}
