using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// The machine-to-phys table: a guest's own frame number for each machine frame. Every guest sees it read-only at 0xffff800000000000, by page tables that all
/// share. Where no domain has frames, all entries are invalid and cost one page in all.
/// </summary>
internal sealed unsafe class MachineToPhys
{
    /// <summary>INVALID_M2P_ENTRY.</summary>
    public const ulong Invalid = ulong.MaxValue;

    private const int EntriesPerPage = MachineMemory.FrameSize / sizeof(ulong);
    private const ulong ReadOnlyTable = PageTableEntry.Present | PageTableEntry.User | PageTableEntry.Accessed | PageTableEntry.Writable;
    private const ulong ReadOnlyPage = PageTableEntry.Present | PageTableEntry.User | PageTableEntry.Accessed | PageTableEntry.NoExecute;

    private readonly MachineMemory _machine;
    private readonly Lock _lock = new();
    private readonly ulong _tableFirst;
    private readonly ulong* _table;
    private readonly ulong* _level2;
    private readonly Mfn _level3;
    private readonly Mfn _allInvalid;
    private readonly Mfn _level1OfInvalid;
    private ulong _nextFrame;

    /// <param name="first">Where its own frames begin: <see cref="FramesFor"/> of them.</param>
    public MachineToPhys(MachineMemory machine, ulong first)
    {
        _machine = machine;
        FirstFrame = first;
        FrameCount = FramesFor(machine.FrameCount);
        machine.Back(first, FrameCount, "m2p");
        _tableFirst = first;
        _nextFrame = first + PagesFor(machine.FrameCount);
        _table = (ulong*)machine.Frame(first);

        _allInvalid = TakeFrame();
        Fill(_allInvalid, Invalid);
        _level1OfInvalid = TakeFrame();
        Fill(_level1OfInvalid, _allInvalid.Value << 12 | ReadOnlyPage);
        _level3 = TakeFrame();
        Mfn level2 = TakeFrame();
        _level2 = (ulong*)machine.Frame(level2.Value);
        ((ulong*)machine.Frame(_level3.Value))[0] = level2.Value << 12 | ReadOnlyTable;
        ulong level1Count = PagesFor(machine.FrameCount) / PageTableEntry.EntriesPerTable;
        for (ulong i = 0; i < level1Count; i++)
            _level2[i] = _level1OfInvalid.Value << 12 | ReadOnlyTable;
    }

    public ulong FirstFrame { get; }

    /// <summary>The table's own frames and those of the page tables that map it.</summary>
    public ulong FrameCount { get; }

    /// <summary>What stands in slot 256 of every level-4 table.</summary>
    public ulong Level4Entry => _level3.Value << 12 | ReadOnlyTable;

    public ulong this[Mfn frame]
    {
        get => Volatile.Read(ref _table[frame.Value]);
        set => Volatile.Write(ref _table[frame.Value], value);
    }

    /// <summary>Makes the entries of a range writable for <see cref="this"/> and visible to guests.</summary>
    public void Extend(Mfn first, ulong count)
    {
        lock (_lock)
        {
            for (ulong page = first.Value / EntriesPerPage; page <= (first.Value + count - 1) / EntriesPerPage; page++)
            {
                ulong* level1 = Level1(page / PageTableEntry.EntriesPerTable);
                ulong slot = page % PageTableEntry.EntriesPerTable;
                if (PageTableEntry.Frame(level1[slot]) != _allInvalid)
                    continue;
                Fill(new(_tableFirst + page), Invalid);
                level1[slot] = (_tableFirst + page) << 12 | ReadOnlyPage;
            }
        }
    }

    private ulong* Level1(ulong index)
    {
        if (PageTableEntry.Frame(_level2[index]) == _level1OfInvalid)
        {
            Mfn table = TakeFrame();
            Fill(table, _allInvalid.Value << 12 | ReadOnlyPage);
            _level2[index] = table.Value << 12 | ReadOnlyTable;
        }
        return (ulong*)_machine.Frame(PageTableEntry.Frame(_level2[index]).Value);
    }

    private static ulong PagesFor(ulong machineFrames) => machineFrames / EntriesPerPage;

    private static ulong FramesFor(ulong machineFrames) => PagesFor(machineFrames) + PagesFor(machineFrames) / PageTableEntry.EntriesPerTable + 4;

    private Mfn TakeFrame() => new(_nextFrame++);

    private void Fill(Mfn frame, ulong value) => new Span<ulong>(_machine.Frame(frame.Value), EntriesPerPage).Fill(value);
}
