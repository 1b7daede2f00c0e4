using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Changes of single entries of page tables that are in use as such. Under <see cref="DomainMemory.Lock"/>.</summary>
internal sealed unsafe class PageTableUpdates(DomainMemory memory)
{
    /// <summary>mod_l1_entry … mod_l4_entry: replaces an entry of a validated table, with the references that both values stand for.</summary>
    /// <param name="table">A frame whose type is <paramref name="level"/>.</param>
    /// <param name="slot">The entry's number, 0 to 511.</param>
    /// <param name="preserveAccessed">Keep the Accessed and Dirty bits that the entry has (MMU_PT_UPDATE_PRESERVE_AD).</param>
    /// <param name="ioOnly">The frame is said to be of DOMID_IO, of which this domain may map none.</param>
    public long Change(Mfn table, FrameType level, int slot, ulong value, bool preserveAccessed, bool ioOnly = false)
    {
        if (level == FrameType.L4 && !GuestAddressSpace.IsGuestSlot(slot))
            return XenErrno.EINVAL;
        ref ulong entry = ref Entry(table, slot);
        ulong old = Volatile.Read(ref entry);
        if (PageTableEntry.IsPresent(value))
        {
            if ((value & PageTableEntry.Forbidden(level)) != 0)
                return XenErrno.EINVAL;
            value = PageTableEntry.Adjust(level, value);
            if (((old ^ value) & ~PageTableEntry.FastPath) == 0)
            {
                old = Write(ref entry, value, preserveAccessed);
                TellOfChange(level, old);
                return 0;
            }
            long error = ioOnly && memory.IsMemory(PageTableEntry.Frame(value)) ? XenErrno.EBUSY : memory.Types.GetFromEntry(table, level, value);
            if (error != 0)
                return error;
        }
        old = Write(ref entry, value, preserveAccessed);
        TellOfChange(level, old);
        memory.Types.PutFromEntry(table, level, old);

        // Xen flushes all CPUs when a table above level 1 changes; where nothing was mapped before, no CPU can have a translation of it.
        if (level != FrameType.L1 && PageTableEntry.IsPresent(old))
            memory.Types.RequestFlush();
        return 0;
    }

    /// <summary>The same for an entry of a level-1 table, if <paramref name="expected"/> stands there. 0 also where it doesn't; <paramref name="actual"/> tells.</summary>
    public long ChangeIf(Mfn table, int slot, ulong expected, ulong value, out ulong actual)
    {
        actual = Read(table, slot);
        if (actual != expected)
            return 0;
        if (PageTableEntry.IsPresent(value))
        {
            value = PageTableEntry.Adjust(FrameType.L1, value);
            long error = memory.Types.GetFromEntry(table, FrameType.L1, value);
            if (error != 0)
                return error;
        }
        actual = Interlocked.CompareExchange(ref Entry(table, slot), value, expected);
        TellOfChange(FrameType.L1, actual);
        memory.Types.PutFromEntry(table, FrameType.L1, actual == expected ? expected : value);
        return 0;
    }

    public ulong Read(Mfn table, int slot) => Volatile.Read(ref Entry(table, slot));

    /// <summary>Stores a level-1 entry for whose references the caller answers; returns what stood there.</summary>
    public ulong Replace(Mfn table, int slot, ulong value)
    {
        ulong old = Interlocked.Exchange(ref Entry(table, slot), value);
        TellOfChange(FrameType.L1, old);
        return old;
    }

    /// <summary>An entry was changed that led somewhere. Tables that are taken out of use need no such word: what a vCPU's root leads to is in use.</summary>
    private void TellOfChange(FrameType level, ulong old)
    {
        if (PageTableEntry.IsPresent(old))
            memory.MappingsChanged(ofCode: level != FrameType.L1 || (old & PageTableEntry.NoExecute) == 0, ofTable: level != FrameType.L1);
    }

    private ref ulong Entry(Mfn table, int slot) => ref ((ulong*)memory.Pointer(table))[slot];

    /// <summary>Stores an entry against CPUs that set Accessed and Dirty bits in it meanwhile; returns what stood there.</summary>
    private static ulong Write(ref ulong entry, ulong value, bool preserveAccessed)
    {
        if (!preserveAccessed)
            return Interlocked.Exchange(ref entry, value);
        ulong old = Volatile.Read(ref entry);
        while (true)
        {
            ulong kept = old & (PageTableEntry.Accessed | PageTableEntry.Dirty);
            ulong seen = Interlocked.CompareExchange(ref entry, value | kept, old);
            if (seen == old)
                return old;
            old = seen;
        }
    }

    /// <summary>The level-1 table and slot that map a linear address (map_guest_l1e), whether or not the entry there is present.</summary>
    public bool TryFindEntry(Mfn root, ulong address, out Mfn table, out int slot)
    {
        table = root;
        slot = PageTableEntry.Slot(FrameType.L1, address);
        if (!GuestAddressSpace.IsGuest(address))
            return false;
        for (FrameType level = FrameType.L4; level > FrameType.L1; level--)
        {
            ulong entry = Read(table, PageTableEntry.Slot(level, address));
            if ((entry & (PageTableEntry.Present | PageTableEntry.LargeOrPat)) != PageTableEntry.Present)
                return false;
            table = PageTableEntry.Frame(entry);
            if (!memory.Owns(table))
                return false;
        }
        return memory.IsTable(table, FrameType.L1);
    }
}
