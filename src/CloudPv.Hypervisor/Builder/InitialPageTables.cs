using System.Runtime.CompilerServices;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The page tables that a PV kernel starts on: which ones are needed for some ranges of linear addresses, and their contents.</summary>
internal sealed unsafe class InitialPageTables
{
    private const ulong Level1Flags = PageTableEntry.Present | PageTableEntry.Writable | PageTableEntry.Accessed;
    private const ulong UpperFlags = Level1Flags | PageTableEntry.Dirty | PageTableEntry.User;

    private readonly Dictionary<TableKey, Pfn> _tables = [];
    private readonly List<Mapping> _mappings = [];

    /// <summary>A table by its level and the linear addresses that it covers.</summary>
    private readonly record struct TableKey(FrameType Level, ulong Region);

    private readonly record struct Mapping(ulong Start, PageRun Pages);

    /// <summary>How many tables a range needs beside those that there are.</summary>
    public ulong CountMissing(ulong start, ulong end) => (ulong)Missing(start, end).Count();

    /// <summary>Gives a range its tables, in the order level 4 to level 1, from <paramref name="firstTable"/> on, and maps pages there.</summary>
    public void Add(ulong start, PageRun pages, Pfn firstTable)
    {
        ulong next = firstTable.Value;
        foreach (TableKey table in Missing(start, start + (pages.Count << 12)).ToList())
            _tables.Add(table, new(next++));
        _mappings.Add(new(start, pages));
    }

    /// <summary>Writes all tables: those pages among the mapped ones are mapped read-only.</summary>
    public void Write(DomainMemory memory)
    {
        foreach ((TableKey key, Pfn page) in _tables)
        {
            if (key.Level < FrameType.L4)
                Entry(memory, key.Level + 1, key.Region << Shift(key.Level)) = MachineAddress(memory, page) | UpperFlags;
        }
        foreach (Mapping mapping in _mappings)
        {
            WriteEntries(memory, mapping);
            foreach (Pfn table in _tables.Values)
            {
                ulong index = table.Value - mapping.Pages.First.Value;
                if (index < mapping.Pages.Count)
                    Entry(memory, FrameType.L1, mapping.Start + (index << 12)) &= ~PageTableEntry.Writable;
            }
        }
    }

    private void WriteEntries(DomainMemory memory, Mapping mapping)
    {
        ulong entry = MachineAddress(memory, mapping.Pages.First) | Level1Flags;
        for (ulong index = 0, count; index < mapping.Pages.Count; index += count)
        {
            ulong address = mapping.Start + (index << 12);
            count = Math.Min(mapping.Pages.Count - index, PageTableEntry.EntriesPerTable - (ulong)PageTableEntry.Slot(FrameType.L1, address));
            // SAFETY: the rest of the table from the address's slot on.
            foreach (ref ulong slot in new Span<ulong>(Unsafe.AsPointer(ref Entry(memory, FrameType.L1, address)), (int)count))
            {
                slot = entry;
                entry += 1UL << 12;
            }
        }
    }

    private ref ulong Entry(DomainMemory memory, FrameType level, ulong address)
    {
        Pfn table = _tables[new(level, address << 16 >> 16 >> Shift(level))];
        return ref ((ulong*)memory.Pointer(memory.InitialFrame(table)))[PageTableEntry.Slot(level, address)];
    }

    private static ulong MachineAddress(DomainMemory memory, Pfn page) => memory.InitialFrame(page).Value << 12;

    private IEnumerable<TableKey> Missing(ulong start, ulong end)
    {
        ulong first = start << 16 >> 16, last = (end - 1) << 16 >> 16;
        for (FrameType level = FrameType.L4; level >= FrameType.L1; level--)
        {
            for (ulong region = first >> Shift(level); region <= last >> Shift(level); region++)
            {
                if (!_tables.ContainsKey(new(level, region)))
                    yield return new(level, region);
            }
        }
    }

    /// <summary>The bits of a linear address within one table of a level.</summary>
    private static int Shift(FrameType level) => 12 + 9 * (level - FrameType.None);
}
