using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// One user address space as the host's own memory management shows it to one CPU: for each 512 GiB of linear addresses that are in use, a range of host addresses
/// where pages stand at one distance from where the guest has them. Pages come in when they are missed, and go when the page tables no longer lead there.
/// </summary>
internal sealed unsafe class WindowSet(ulong root, int stack, int thread, CpuBus bus, WindowTable table) : IDisposable
{
    /// <summary>Pages mapped at once, where the guest has used them: neighbours are often needed next.</summary>
    private const int Around = 16;

    private readonly Dictionary<int, WindowRange> _ranges = [];
    private readonly Dictionary<ulong, Page> _pages = [];

    /// <summary>How often frames stand in writable pages.</summary>
    private readonly Dictionary<ulong, int> _writable = [];
    private readonly List<ulong> _gone = [];

    /// <summary>The numbers of the windows that have slots.</summary>
    private readonly int[] _slots = WindowRange.IsUpper(thread)
        ? [stack, WindowSlots.NoNumber, thread, WindowSlots.NoNumber] : [stack, thread, WindowSlots.NoNumber, WindowSlots.NoNumber];
    private ulong _version;
    private bool _isShown;

    /// <summary>The level-4 table.</summary>
    public ulong Root => root;

    /// <summary>All its pages have gone at once: another program has come to have the root.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>Lets translated code find the ranges.</summary>
    public void Show()
    {
        _isShown = true;
        foreach (var (number, range) in _ranges)
            table.Set(number, range.Delta);
        table.SetSlots(_slots);
    }

    /// <summary>The slot in which translated code finds a window while this is shown. Negative: there are too many.</summary>
    public int SlotOf(int number)
    {
        var slot = Array.IndexOf(_slots, number);
        if (slot >= 0)
            return slot;
        slot = WindowRange.IsUpper(number) ? WindowSlots.Mapped : WindowSlots.Data;
        if (_slots[slot] != WindowSlots.NoNumber)
            slot = WindowSlots.Other;
        if (_slots[slot] != WindowSlots.NoNumber)
            return -1;
        _slots[slot] = number;
        table.SetSlots(_slots);
        return slot;
    }

    public void Hide()
    {
        _isShown = false;
        foreach (var number in _ranges.Keys)
            table.Set(number, WindowRange.Nowhere(number));
    }

    /// <summary>Maps the page of an address for an access that the page tables have just allowed, and neighbours. False: it can't be had.</summary>
    public bool TryMap(ulong address, bool write)
    {
        var number = WindowRange.NumberOf(address);
        if (number >= ContextLayout.WindowEntries / 2)
            return false;
        if (!_ranges.TryGetValue(number, out var range))
        {
            if (!WindowRange.TryReserve(number, out range))
                return false;
            _ranges.Add(number, range);
            if (_isShown)
                table.Set(number, range.Delta);
        }

        if (_pages.Count == 0)
            _version = bus.MappingVersion(ofCode: false);
        var wanted = address >> MachineMemory.FrameShift;
        var first = wanted & ~(Around - 1ul);
        var run = default(Run);
        for (var page = first; page < first + Around; page++)
        {
            if (!TryFind(page, write && page == wanted, out var found) || (_pages.TryGetValue(page, out var mapped) && mapped == found))
                continue;
            if (run.TryAppend(page, found))
                continue;
            if (!TryMap(range, in run))
                return false;
            run = new Run(page, found);
        }

        return TryMap(range, in run) && _pages.TryGetValue(wanted, out var now) && (now.Writable || !write);
    }

    /// <summary>Whether the page of an address is mapped, for such an access.</summary>
    public bool Holds(ulong address, bool write) => _pages.TryGetValue(address >> MachineMemory.FrameShift, out var mapped) && (mapped.Writable || !write);

    /// <summary>Takes out what may no longer be right.</summary>
    public void Flush()
    {
        var version = bus.MappingVersion(ofCode: false);
        if (version == _version && version != CpuBus.Unwatched)
            return;
        foreach (var (page, mapped) in _pages)
        {
            if (!bus.Walker.TryPeek(root, page << MachineMemory.FrameShift, mapped.Writable, out var frame) || frame != mapped.Frame)
                _gone.Add(page);
        }

        _version = version;
        if (_pages.Count > 0 && _gone.Count == _pages.Count)
            Abandon();
        else
            TakeOutGone();
    }

    public void FlushPage(ulong address)
    {
        var page = address >> MachineMemory.FrameShift;
        if (_pages.TryGetValue(page, out var mapped)
            && (!bus.Walker.TryPeek(root, address, mapped.Writable, out var frame) || frame != mapped.Frame))
            TakeOut(page, mapped);
    }

    /// <summary>Takes out the pages in which a frame may be written.</summary>
    public void WithdrawWrites(ulong frame)
    {
        if (!_writable.ContainsKey(frame))
            return;
        foreach (var (page, mapped) in _pages)
        {
            if (mapped.Frame == frame && mapped.Writable)
                _gone.Add(page);
        }

        TakeOutGone();
    }

    public void Dispose()
    {
        if (_isShown)
            Hide();
        WindowRange.CountPages(-_pages.Count);
        foreach (var range in _ranges.Values)
            range.Dispose();
        _ranges.Clear();
        _pages.Clear();
        _writable.Clear();
    }

    private void Abandon()
    {
        IsAbandoned = true;
        WindowRange.CountPages(-_pages.Count);
        foreach (var range in _ranges.Values)
            range.Empty();
        _gone.Clear();
        _pages.Clear();
        _writable.Clear();
    }

    private bool TryFind(ulong page, bool write, out Page found)
    {
        var address = page << MachineMemory.FrameShift;
        found = default;
        if (bus.Walker.TryPeek(root, address, write: true, out var frame) && bus.Frames.TryAnnounceWriteTag(frame))
            found = new Page(frame, Writable: true);
        else if (!write && bus.Walker.TryPeek(root, address, write: false, out frame))
            found = new Page(frame, Writable: false);
        else
            return false;
        return true;
    }

    private bool TryMap(WindowRange range, in Run run)
    {
        if (run.Count == 0)
            return true;
        if (!WindowRange.HasRoom || !bus.Memory.TryShow(range.HostOf(run.Start), run.First.Frame, run.Count, run.First.Writable))
            return false;
        for (var index = 0ul; index < run.Count; index++)
        {
            var mapped = run.First with { Frame = run.First.Frame + index };
            if (_pages.TryGetValue(run.Start + index, out var old))
                Forget(run.Start + index, old);
            _pages.Add(run.Start + index, mapped);
            WindowRange.CountPages(1);
            if (mapped.Writable)
                _writable[mapped.Frame] = _writable.GetValueOrDefault(mapped.Frame) + 1;
        }

        return true;
    }

    private void TakeOutGone()
    {
        foreach (var page in _gone)
            TakeOut(page, _pages[page]);
        _gone.Clear();
    }

    private void TakeOut(ulong page, Page mapped)
    {
        _ranges[WindowRange.NumberOf(page << MachineMemory.FrameShift)].Empty(page);
        Forget(page, mapped);
    }

    private void Forget(ulong page, Page mapped)
    {
        _pages.Remove(page);
        WindowRange.CountPages(-1);
        if (mapped.Writable && --CollectionsMarshal.GetValueRefOrNullRef(_writable, mapped.Frame) == 0)
            _writable.Remove(mapped.Frame);
    }

    private readonly record struct Page(ulong Frame, bool Writable);

    /// <summary>Neighbouring pages that neighbouring frames stand in.</summary>
    private struct Run(ulong start, Page first)
    {
        public ulong Start { get; } = start;

        public Page First { get; } = first;

        public ulong Count { get; private set; } = 1;

        public bool TryAppend(ulong next, Page found)
        {
            if (Count == 0)
            {
                this = new Run(next, found);
                return true;
            }

            if (next != Start + Count || found != First with { Frame = First.Frame + Count })
                return false;
            Count++;
            return true;
        }
    }
}
