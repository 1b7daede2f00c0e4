namespace CloudPv.X86;

/// <summary>
/// One mode's soft TLB as translated code reads it: tags and host pages for reads and the same for writes, indexed by bits 12–23 of the linear address. Reads and writes
/// have entries of their own, so that a copy between two pages of one index, as between large arrays, doesn't drive them out in turn.
/// A tag is the negated address of its page, so that adding it to an address gives the offset in the page, and one unsigned comparison checks page, right and
/// page crossing together.
/// </summary>
internal sealed unsafe class SoftTlb
{
    /// <summary>Tags that no address matches: each belongs to a page of another index, so that whatever is looked up differs in bits 12–23.</summary>
    private static readonly ulong[] InvalidTags = [.. Enumerable.Range(0, ContextLayout.TlbEntries).Select(InvalidTag)];

    private readonly ulong* _readTags;
    private readonly ulong* _writeTags;
    private readonly byte** _readPages;
    private readonly byte** _writePages;
    private readonly StackPage* _stack;

    // The places filled, so that a flush soon after another is cheap; too many are as good as all.
    private readonly ushort[] _filled = new ushort[1024];
    private int _filledCount = int.MaxValue;

    private readonly Walk[] _readWalks = new Walk[ContextLayout.TlbEntries];
    private readonly Walk[] _writeWalks = new Walk[ContextLayout.TlbEntries];

    /// <summary>Of more entries most aren't used before the next flush, and are cheaper looked for when they are.</summary>
    private const int MostLookedAt = 192;

    private readonly MappingWatch _watch;
    private readonly PageWalker _walker;
    private LargePageRange _large;

    // SAFETY: the context is ContextLayout.Size bytes; every index is masked to the table's size.
    public SoftTlb(CpuContext* context, CpuMode mode, CpuBus bus)
    {
        _watch = new MappingWatch(bus, ofCode: false);
        _walker = bus.Walker;
        _readTags = (ulong*)((byte*)context + ContextLayout.ReadTags(mode));
        _writeTags = (ulong*)((byte*)context + ContextLayout.WriteTags(mode));
        _readPages = (byte**)((byte*)context + ContextLayout.ReadPages(mode));
        _writePages = (byte**)((byte*)context + ContextLayout.WritePages(mode));
        _stack = (StackPage*)((byte*)context + ContextLayout.StackPage(mode));
        Flush();
    }

    /// <summary>Enters what a walk found.</summary>
    /// <param name="root">The level-4 table of the walk.</param>
    public void Fill(ulong root, ulong address, byte* page, bool writable, in PageTranslation walk)
    {
        var index = Index(address);
        if (_readTags[index] == InvalidTags[index])
            Note(index);
        var tag = 0 - (address & ~0xffful);
        var walked = new Walk(in walk, _watch.Add(root, address));
        _readTags[index] = tag;
        _readPages[index] = page;
        _readWalks[index] = walked;
        if (writable)
        {
            _writeTags[index] = tag;
            _writePages[index] = page;
            _writeWalks[index] = walked;
        }

        _large.Add(address, walk.PageShift);
    }

    /// <summary>Drops what may no longer be right under <paramref name="root"/>.</summary>
    public void Flush(ulong root)
    {
        if (_watch.AreUnchanged(root))
            return;
        if (_filledCount > MostLookedAt || !_watch.TryRenew(root, out var sameTops))
        {
            Flush();
            return;
        }

        _stack->Forget();
        var kept = 0;
        foreach (var index in _filled.AsSpan(0, _filledCount))
        {
            var keeps = false;
            if (_readWalks[index].IsUnchanged(_walker, sameTops, write: false))
                keeps = true;
            else
                _readTags[index] = InvalidTags[index];
            if (_writeTags[index] != InvalidTags[index] && _writeWalks[index].IsUnchanged(_walker, sameTops, write: true))
                keeps = true;
            else
                _writeTags[index] = InvalidTags[index];
            if (keeps)
                _filled[kept++] = index;
        }

        _filledCount = kept;
    }

    /// <summary>The host address of what is at a linear address, where translated code could reach it without leaving.</summary>
    public bool TryFind(ulong address, bool write, out byte* host)
    {
        var index = Index(address);
        host = (write ? _writePages : _readPages)[index] + (address & 0xfff);
        return (write ? _writeTags : _readTags)[index] == 0 - (address & ~0xffful);
    }

    public void Flush()
    {
        if (_filledCount <= _filled.Length)
        {
            foreach (var index in _filled.AsSpan(0, _filledCount))
                Invalidate(index);
        }
        else
        {
            InvalidTags.CopyTo(new Span<ulong>(_readTags, ContextLayout.TlbEntries));
            InvalidTags.CopyTo(new Span<ulong>(_writeTags, ContextLayout.TlbEntries));
        }

        _filledCount = 0;
        _stack->Forget();
        _large.Clear();
        _watch.Clear();
    }

    public void FlushPage(ulong address)
    {
        if (_large.Contains(address))
        {
            Flush();
            return;
        }

        Invalidate(Index(address));
        _stack->ForgetAddress(address);
    }

    /// <summary>Drops the right to write a frame, under whatever linear addresses it stands.</summary>
    public void WithdrawWriteTags(byte* page)
    {
        _stack->ForgetPage(page);
        var pages = new ReadOnlySpan<ulong>(_writePages, ContextLayout.TlbEntries);
        for (var start = 0; start < pages.Length;)
        {
            var found = pages[start..].IndexOf((ulong)page);
            if (found < 0)
                return;
            start += found;
            _writeTags[start] = InvalidTags[start];
            start++;
        }
    }

    /// <summary>
    /// Emits a lookup of what is at the address in a host register: T0 = the offset in its page and T1 = the index. Changes flags. Returns the jump to take where so many bytes
    /// aren't in one page that is here.
    /// </summary>
    /// <param name="tags">Where the tags are in the context.</param>
    public static byte* EmitLookup(HostAssembler code, int address, int tags, int size)
    {
        const int above = 7;
        code.Move(HostRegister.T0, address);
        code.RotateRight32(HostRegister.T1, HostRegister.T0, MachineMemory.FrameShift);
        code.And32(HostRegister.T1, ContextLayout.TlbEntries - 1);
        code.ContextTable(0x03, HostRegister.T0, tags); // add
        code.CompareImmediate(HostRegister.T0, MachineMemory.FrameSize - size);
        return code.JumpIfForward(above);
    }

    private void Note(int index)
    {
        if (_filledCount < _filled.Length)
            _filled[_filledCount++] = (ushort)index;
        else
            _filledCount = int.MaxValue;
    }

    private void Invalidate(int index)
    {
        _readTags[index] = InvalidTags[index];
        _writeTags[index] = InvalidTags[index];
    }

    private static int Index(ulong address) => (int)(address >> 12) & (ContextLayout.TlbEntries - 1);

    private static ulong InvalidTag(int index) => 0 - ((ulong)(index ^ (ContextLayout.TlbEntries / 2)) << 12);

    /// <summary>How an entry was found.</summary>
    /// <param name="top">The number of its level-4 entry in the watch.</param>
    private readonly struct Walk(in PageTranslation translation, int top)
    {
        private readonly PageTranslation _translation = translation;
        private readonly int _top = top;

        public bool IsUnchanged(PageWalker walker, uint sameTops, bool write) => (sameTops >> _top & 1) != 0 && walker.IsUnchanged(in _translation, write);
    }
}
