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

    // The places filled since the last flush, so that a flush soon after another is cheap; too many are as good as all.
    private readonly ushort[] _filled = new ushort[1024];
    private int _filledCount = int.MaxValue;

    private readonly MappingWatch _watch;
    private LargePageRange _large;

    // SAFETY: the context is ContextLayout.Size bytes; every index is masked to the table's size.
    public SoftTlb(CpuContext* context, CpuMode mode, CpuBus bus)
    {
        _watch = new MappingWatch(bus, ofCode: false);
        _readTags = (ulong*)((byte*)context + ContextLayout.ReadTags(mode));
        _writeTags = (ulong*)((byte*)context + ContextLayout.WriteTags(mode));
        _readPages = (byte**)((byte*)context + ContextLayout.ReadPages(mode));
        _writePages = (byte**)((byte*)context + ContextLayout.WritePages(mode));
        _stack = (StackPage*)((byte*)context + ContextLayout.StackPage(mode));
        Flush();
    }

    /// <summary>Enters what a walk found.</summary>
    /// <param name="root">The level-4 table of the walk.</param>
    public void Fill(ulong root, ulong address, byte* page, bool writable, int pageShift)
    {
        var index = Index(address);
        if (_filledCount < _filled.Length)
            _filled[_filledCount] = (ushort)index;
        if (_filledCount <= _filled.Length)
            _filledCount++;
        var tag = 0 - (address & ~0xffful);
        _readTags[index] = tag;
        _readPages[index] = page;
        if (writable)
        {
            _writeTags[index] = tag;
            _writePages[index] = page;
        }

        _large.Add(address, pageShift);
        _watch.Add(root, address);
    }

    /// <summary>Whether a flush would drop nothing but what is certainly right under <paramref name="root"/>.</summary>
    public bool IsUnchanged(ulong root) => _watch.AreUnchanged(root);

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
            {
                _readTags[index] = InvalidTags[index];
                _writeTags[index] = InvalidTags[index];
            }
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

    public void Flush(ulong address)
    {
        if (_large.Contains(address))
        {
            Flush();
            return;
        }

        var index = Index(address);
        _readTags[index] = InvalidTags[index];
        _writeTags[index] = InvalidTags[index];
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

    private static int Index(ulong address) => (int)(address >> 12) & (ContextLayout.TlbEntries - 1);

    private static ulong InvalidTag(int index) => 0 - ((ulong)(index ^ (ContextLayout.TlbEntries / 2)) << 12);
}
