namespace CloudPv.X86;

/// <summary>One mode's instruction TLB, which only C# reads: linear page → machine frame of what may be executed.</summary>
internal sealed unsafe class CodeFetcher(CpuBus bus)
{
    private const int Entries = 1024;

    // Bit 0 can't be set in a page's address, so this matches none.
    private const ulong Invalid = 1;

    private readonly ulong[] _pages = CreateInvalid();
    private readonly ulong[] _frames = new ulong[Entries];
    private readonly MappingWatch _watch = new(bus, ofCode: true);
    private LargePageRange _large;

    /// <summary>The level-4 table.</summary>
    public ulong Root { get; set; }

    /// <summary>False: the #PF or #GP of the fetch.</summary>
    public bool TryFetch(ulong address, out ulong frame, out CpuExit fault)
    {
        var page = address & ~0xffful;
        var index = (int)(address >> 12) & (Entries - 1);
        fault = default;
        if (_pages[index] == page)
        {
            frame = _frames[index];
            return true;
        }

        frame = 0;
        if (!PageWalker.IsCanonical(address))
        {
            fault = CpuFaults.GeneralProtection;
            return false;
        }

        if (!bus.Walker.TryTranslate(Root, address, AccessKind.Fetch, out var translation, out var errorCode))
        {
            fault = CpuFaults.Page(address, errorCode);
            return false;
        }

        frame = translation.Frame;
        Insert(page, frame);
        _large.Add(address, translation.PageShift);
        return true;
    }

    /// <summary>The bytes of code from an address to the end of its page, for looking ahead; empty where none can be fetched.</summary>
    public ReadOnlySpan<byte> Peek(ulong address)
    {
        if (!TryFetch(address, out var frame, out _))
            return default;
        var offset = (int)(address & 0xfff);
        return new ReadOnlySpan<byte>(bus.Memory.Frame(frame) + offset, MachineMemory.FrameSize - offset);
    }

    /// <summary>Enters a page that is known to be executable and in this frame.</summary>
    public void Insert(ulong page, ulong frame)
    {
        var index = (int)(page >> 12) & (Entries - 1);
        _pages[index] = page;
        _frames[index] = frame;
        _watch.Add(Root, page);
    }

    /// <summary>Whether all that was fetched since the last <see cref="Flush()"/> is certainly still where it was, also if <see cref="Root"/> is another now.</summary>
    public bool IsUnchanged => _watch.AreUnchanged(Root);

    /// <summary>Whether flushing an address must flush all, because it may lie in a large page.</summary>
    public bool IsInLargePage(ulong address) => _large.Contains(address);

    public void Flush()
    {
        Array.Fill(_pages, Invalid);
        _large.Clear();
        _watch.Clear();
    }

    public void Flush(ulong address)
    {
        var index = (int)(address >> 12) & (Entries - 1);
        if (_pages[index] == (address & ~0xffful))
            _pages[index] = Invalid;
    }

    private static ulong[] CreateInvalid()
    {
        var pages = new ulong[Entries];
        Array.Fill(pages, Invalid);
        return pages;
    }
}
