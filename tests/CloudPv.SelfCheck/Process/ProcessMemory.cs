using System.Text;
using CloudPv.X86;

namespace CloudPv.SelfCheck.Process;

/// <summary>The memory of one process: areas as it asked for them, pages that come at their first use, and the page tables that a CPU walks.</summary>
internal sealed unsafe class ProcessMemory : IDisposable
{
    public const ulong PageSize = MachineMemory.FrameSize;

    private const ulong FrameCount = 1 << 19;
    private const ulong MapTop = 0x7fff_0000_0000;

    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong NoExecute = 1ul << 63;
    private const ulong FrameBits = 0x000f_ffff_ffff_f000;

    private readonly MachineMemory _machine = new(FrameCount);
    private readonly List<MemoryArea> _areas = [];
    private readonly SortedDictionary<ulong, ulong> _frameOf = [];
    private readonly Stack<ulong> _freeFrames = [];
    private ulong _nextFrame = 1;

    public ProcessMemory(TranslatorOptions options)
    {
        _machine.Back(0, FrameCount, "self-check");
        Bus = new CpuBus(_machine, options);
        Bus.SetAccess(0, FrameCount, FrameAccess.Read | FrameAccess.Write);
        Root = NewFrame();
    }

    public CpuBus Bus { get; }

    /// <summary>The frame of the level-4 table.</summary>
    public ulong Root { get; }

    /// <summary>Drops what a CPU may know of a page.</summary>
    public Action<ulong> FlushPage { get; set; } = static _ => { };

    /// <summary>The pages that have come into being, in the order of their addresses.</summary>
    public IReadOnlyCollection<ulong> Pages => _frameOf.Keys;

    // SAFETY: the frame is one of the machine's, all of which are backed.
    public ReadOnlySpan<byte> PageAt(ulong page) => new(_machine.Frame(_frameOf[page]), (int)PageSize);

    /// <summary>Maps an area over whatever is there.</summary>
    public void Map(MemoryArea area)
    {
        Unmap(area.Start, area.End);
        _areas.Add(area);
    }

    public void Unmap(ulong start, ulong end)
    {
        Carve(start, end);
        Discard(start, end);
    }

    public void Protect(ulong start, ulong end, PageRights rights)
    {
        foreach (var area in Carve(start, end))
            _areas.Add(area with { Rights = rights });
        foreach (var page in PagesIn(start, end))
            SetEntry(page, EntryOf(_frameOf[page], rights));
    }

    /// <summary>Lets pages begin anew, as madvise(2)'s MADV_DONTNEED does.</summary>
    public void Discard(ulong start, ulong end)
    {
        foreach (var page in PagesIn(start, end))
        {
            SetEntry(page, 0);
            _frameOf.Remove(page, out var frame);
            _freeFrames.Push(frame);
        }
    }

    /// <summary>The highest free range below the stack.</summary>
    public ulong FindFree(ulong size)
    {
        var end = MapTop;
        foreach (var area in _areas.Where(area => area.Start < MapTop).OrderByDescending(area => area.End))
        {
            if (area.End + size <= end)
                break;
            end = Math.Min(end, area.Start);
        }

        return end - size;
    }

    /// <summary>Makes a page accessible, as its area says. False: the access isn't allowed.</summary>
    /// <param name="isNew">Whether it is the first use of the page.</param>
    public bool TryTouch(ulong address, PageRights access, out bool isNew)
    {
        isNew = false;
        if (_areas.Find(area => address >= area.Start && address < area.End) is not { } area || (area.Rights & access) != access)
            return false;
        var page = address & ~(PageSize - 1);
        if (!_frameOf.TryGetValue(page, out var frame))
        {
            isNew = true;
            frame = NewFrame();
            area.Fill(page, new Span<byte>(_machine.Frame(frame), (int)PageSize));
            Bus.CodeWritten(frame);
            _frameOf.Add(page, frame);
        }

        SetEntry(page, EntryOf(frame, area.Rights));
        return true;
    }

    /// <summary>Takes a page out of the tables until it is touched again.</summary>
    public void Hide(ulong page) => SetEntry(page, 0);

    /// <summary>Makes a page read-only until it is touched again.</summary>
    public void WriteProtect(ulong page) => SetEntry(page, *EntryAt(page) & ~Writable);

    /// <summary>Moves a page to another frame.</summary>
    public void Move(ulong page)
    {
        var (from, to) = (_frameOf[page], NewFrame());
        PageAt(page).CopyTo(new Span<byte>(_machine.Frame(to), (int)PageSize));
        Bus.CodeWritten(to);
        var entry = *EntryAt(page);
        _frameOf[page] = to;
        SetEntry(page, (entry & ~FrameBits) | (to << MachineMemory.FrameShift));
        _freeFrames.Push(from);
    }

    /// <summary>Drops all translations of a page's code.</summary>
    public void DropCode(ulong page) => Bus.CodeWritten(_frameOf[page]);

    /// <summary>False: not all of it is the process's to read.</summary>
    public bool TryRead(ulong address, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            if (!TryTouch(address, PageRights.Read, out _))
                return false;
            var part = PageAt(address & ~(PageSize - 1))[(int)(address % PageSize)..];
            part = part[..Math.Min(part.Length, target.Length)];
            part.CopyTo(target);
            target = target[part.Length..];
            address += (ulong)part.Length;
        }

        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            if (!TryTouch(address, PageRights.Write, out _))
                return false;
            var frame = _frameOf[address & ~(PageSize - 1)];
            var count = Math.Min((int)(PageSize - (address % PageSize)), source.Length);
            source[..count].CopyTo(new Span<byte>(_machine.Frame(frame) + (address % PageSize), count));
            Bus.CodeWritten(frame);
            source = source[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>A text that ends with a zero byte; null: it isn't all there.</summary>
    public string? ReadText(ulong address)
    {
        var bytes = new List<byte>();
        Span<byte> next = stackalloc byte[1];
        while (TryRead(address++, next))
        {
            if (next[0] == 0)
                return Encoding.UTF8.GetString([.. bytes]);
            bytes.Add(next[0]);
        }

        return null;
    }

    public void Dispose()
    {
        Bus.Dispose();
        _machine.Dispose();
    }

    private static ulong EntryOf(ulong frame, PageRights rights)
    {
        if (rights == PageRights.None)
            return 0;
        return (frame << MachineMemory.FrameShift) | Present | User | (rights.HasFlag(PageRights.Write) ? Writable : 0) | (rights.HasFlag(PageRights.Execute) ? 0 : NoExecute);
    }

    /// <summary>Takes a range out of the areas, and gives the parts of them that lay in it.</summary>
    private List<MemoryArea> Carve(ulong start, ulong end)
    {
        var carved = new List<MemoryArea>();
        foreach (var area in _areas.Where(area => area.Start < end && start < area.End).ToArray())
        {
            _areas.Remove(area);
            if (area.Start < start)
                _areas.Add(area.Part(area.Start, start));
            if (area.End > end)
                _areas.Add(area.Part(end, area.End));
            carved.Add(area.Part(Math.Max(area.Start, start), Math.Min(area.End, end)));
        }

        return carved;
    }

    private ulong[] PagesIn(ulong start, ulong end)
    {
        if ((end - start) / PageSize > (ulong)_frameOf.Count)
            return [.. _frameOf.Keys.Where(page => page >= start && page < end)];
        var pages = new List<ulong>();
        for (var page = start; page < end; page += PageSize)
        {
            if (_frameOf.ContainsKey(page))
                pages.Add(page);
        }

        return [.. pages];
    }

    /// <summary>A frame of zeros.</summary>
    private ulong NewFrame()
    {
        if (!_freeFrames.TryPop(out var frame))
            return _nextFrame < FrameCount ? _nextFrame++ : throw new InvalidOperationException("The process takes more memory than there is.");
        new Span<byte>(_machine.Frame(frame), (int)PageSize).Clear();
        Bus.CodeWritten(frame);
        return frame;
    }

    private void SetEntry(ulong page, ulong entry)
    {
        var slot = EntryAt(page);
        var before = *slot;
        *slot = entry;
        if ((before & Present) == 0)
            return;
        Bus.MappingsChanged(ofCode: (before & NoExecute) == 0, ofTable: false);
        FlushPage(page);
    }

    private ulong* EntryAt(ulong page)
    {
        var table = Root;
        for (var shift = 39; shift > 12; shift -= 9)
        {
            var slot = (ulong*)_machine.Frame(table) + ((page >> shift) & 511);
            if ((*slot & Present) == 0)
                *slot = (NewFrame() << MachineMemory.FrameShift) | Present | Writable | User;
            table = (*slot & FrameBits) >> MachineMemory.FrameShift;
        }

        return (ulong*)_machine.Frame(table) + ((page >> 12) & 511);
    }
}
