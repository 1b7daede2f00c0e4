using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// Xen's page-type system: a frame is a page table, a descriptor table or writable, never two of these at once. References nest: a table holds a type
/// reference to each table below it, and level-1 entries to the frames that they map. All of it under <see cref="DomainMemory.Lock"/>.
/// </summary>
internal sealed unsafe class PageTypes(DomainMemory memory)
{
    /// <summary>Whether a type changed whose old translations must be flushed before the guest goes on, and the latest stamp of these.</summary>
    private uint _flushStamp;
    private bool _needsFlush;

    /// <summary>get_page: a reference to a frame of this domain's own.</summary>
    public bool TryGet(Mfn frame)
    {
        if (!memory.Owns(frame))
            return false;
        ref FrameInfo info = ref memory.Info(frame);
        if (info.References == uint.MaxValue)
            return false;
        info.References++;
        return true;
    }

    /// <summary>put_page.</summary>
    public void Put(Mfn frame)
    {
        ref FrameInfo info = ref memory.Info(frame);
        if (info.References == 0)
        {
            memory.ReportTampering(frame);
            return;
        }
        if (--info.References == 0 && info.Has(FrameFlags.Released))
            memory.Reclaim(frame);
    }

    /// <summary>get_page_and_type_from_mfn: 0 or -EINVAL, or what the validation of a table said.</summary>
    public long GetWithType(Mfn frame, FrameType type)
    {
        if (!TryGet(frame))
            return XenErrno.EINVAL;
        long error = GetType(frame, type);
        if (error != 0)
            Put(frame);
        return error;
    }

    /// <summary>put_page_and_type.</summary>
    public void PutWithType(Mfn frame)
    {
        PutType(frame);
        Put(frame);
    }

    /// <summary>get_page_type: the caller holds a reference.</summary>
    public long GetType(Mfn frame, FrameType type)
    {
        ref FrameInfo info = ref memory.Info(frame);
        if (info.TypeReferences == 0)
        {
            if (info.Type != type)
                ChangeType(ref info, type);
        }
        else if (info.Type != type || !info.Has(FrameFlags.Validated) || info.TypeReferences == uint.MaxValue)
        {
            return XenErrno.EINVAL;
        }
        info.TypeReferences++;
        return info.Has(FrameFlags.Validated) ? 0 : Validate(frame, ref info);
    }

    /// <summary>put_page_type.</summary>
    public void PutType(Mfn frame)
    {
        ref FrameInfo info = ref memory.Info(frame);
        if (info.TypeReferences == 0)
        {
            memory.ReportTampering(frame);
            return;
        }
        if (info.TypeReferences == 1)
        {
            if (info.IsPageTable)
            {
                info.Flags &= ~FrameFlags.Validated;
                Demote(frame, info.Type, PageTableEntry.EntriesPerTable);
            }
            info.Stamp = memory.Clock.Now;
        }
        info.TypeReferences--;
    }

    /// <summary>Whether old translations must be flushed (<see cref="TlbClock.FlushOlder"/>), now that the caller is about to release the lock.</summary>
    public bool TakeFlush(out uint stamp)
    {
        stamp = _flushStamp;
        bool needed = _needsFlush;
        _needsFlush = false;
        return needed;
    }

    /// <summary>Asks for a flush of everything that was translated up to now.</summary>
    public void RequestFlush() => RequestFlush(memory.Clock.Now);

    private void RequestFlush(uint stamp)
    {
        if (!_needsFlush || (int)(stamp - _flushStamp) > 0)
            _flushStamp = stamp;
        _needsFlush = true;
    }

    private void ChangeType(ref FrameInfo info, FrameType type)
    {
        // A frame that becomes writable needs no flush: nothing of a table's walk outlives the table's entries in the CPUs' TLBs.
        if (type != FrameType.Writable)
            RequestFlush(info.Stamp);
        info.Type = type;
        info.Flags &= ~FrameFlags.Validated;
    }

    private long Validate(Mfn frame, ref FrameInfo info)
    {
        if (info.IsPageTable)
            info.LinearUses = 0;
        long error = info.Type switch
        {
            FrameType.Writable => 0,
            FrameType.SegmentDescriptors => SegmentDescriptor.ValidatePage(memory.Pointer(frame)) ? 0 : XenErrno.EINVAL,
            _ => Promote(frame, info.Type),
        };
        if (error == 0)
        {
            info.Flags |= FrameFlags.Validated;
            return 0;
        }
        info.TypeReferences = 0;
        info.Type = FrameType.None;
        info.Stamp = memory.Clock.Now;
        return error;
    }

    /// <summary>Checks each entry of a table and takes the references that it stands for.</summary>
    private long Promote(Mfn table, FrameType level)
    {
        ulong* entries = (ulong*)memory.Pointer(table);
        for (int i = NextFilled(entries, 0, PageTableEntry.EntriesPerTable); i < PageTableEntry.EntriesPerTable; i = NextFilled(entries, i + 1, PageTableEntry.EntriesPerTable))
        {
            if (level == FrameType.L4 && !GuestAddressSpace.IsGuestSlot(i))
                continue;
            ulong entry = entries[i];
            if (!PageTableEntry.IsPresent(entry))
                continue;
            long error = GetFromEntry(table, level, entry);
            if (error != 0)
            {
                Demote(table, level, i);
                return error;
            }
            entries[i] = PageTableEntry.Adjust(level, entry);
        }
        if (level == FrameType.L4)
            memory.FillXenSlots(table);
        return 0;
    }

    /// <summary>Gives back the references of a table's first <paramref name="count"/> entries.</summary>
    private void Demote(Mfn table, FrameType level, int count)
    {
        ulong* entries = (ulong*)memory.Pointer(table);
        for (int i = NextFilled(entries, 0, count); i < count; i = NextFilled(entries, i + 1, count))
        {
            if (level != FrameType.L4 || GuestAddressSpace.IsGuestSlot(i))
                PutFromEntry(table, level, entries[i]);
        }
    }

    /// <summary>The first entry from <paramref name="start"/> on that isn't 0, or <paramref name="end"/>. Most entries of most tables are 0.</summary>
    private static int NextFilled(ulong* entries, int start, int end)
    {
        int found = new ReadOnlySpan<ulong>(entries + start, end - start).IndexOfAnyExcept(0UL);
        return found < 0 ? end : start + found;
    }

    /// <summary>get_page_from_l1e … get_page_from_l4e: takes the references that a present entry of <paramref name="table"/> stands for.</summary>
    public long GetFromEntry(Mfn table, FrameType level, ulong entry)
    {
        if ((entry & PageTableEntry.Forbidden(level)) != 0)
            return XenErrno.EINVAL;
        if (level == FrameType.L1)
            return GetMapped(entry);
        long error = GetWithType(PageTableEntry.Frame(entry), level - 1);
        return error == XenErrno.EINVAL && TryGetLinear(table, level, entry) ? 0 : error;
    }

    private long GetMapped(ulong entry)
    {
        Mfn frame = PageTableEntry.Frame(entry);
        if (!memory.IsMemory(frame))
            return frame.Value == PageTableEntry.AddressMask >> 12 ? XenErrno.EINVAL : XenErrno.EPERM;
        if (!TryGet(frame))
            return XenErrno.EBUSY;
        if (PageTableEntry.IsWritable(entry) && GetType(frame, FrameType.Writable) != 0)
        {
            Put(frame);
            return XenErrno.EBUSY;
        }
        return 0;
    }

    /// <summary>put_page_from_l1e … put_page_from_l4e.</summary>
    public void PutFromEntry(Mfn table, FrameType level, ulong entry)
    {
        if (!PageTableEntry.IsPresent(entry))
            return;
        Mfn frame = PageTableEntry.Frame(entry);
        if (level == FrameType.L1)
        {
            PutMapped(frame, entry);
        }
        else if (frame != table)
        {
            if (memory.Owns(frame) && memory.Info(frame).Type == level)
                PutLinear(table, frame);
            PutWithType(frame);
        }
    }

    private void PutMapped(Mfn frame, ulong entry)
    {
        if (!memory.Owns(frame))
            memory.Foreign.Unmapped(frame, readOnly: !PageTableEntry.IsWritable(entry));
        else if (PageTableEntry.IsWritable(entry))
            PutWithType(frame);
        else
            Put(frame);
    }

    /// <summary>A read-only entry that refers to a table of its own table's level: a recursive ("linear") page table. A table may be referred to like that, or
    /// refer to others like that, but not both, so that chains cannot grow.</summary>
    private bool TryGetLinear(Mfn table, FrameType level, ulong entry)
    {
        if (PageTableEntry.IsWritable(entry))
            return false;
        Mfn frame = PageTableEntry.Frame(entry);
        if (frame == table)
            return true;
        if (!memory.Owns(frame))
            return false;
        ref FrameInfo user = ref memory.Info(table);
        ref FrameInfo used = ref memory.Info(frame);
        if (used.Type != level || used.TypeReferences is 0 or uint.MaxValue || !used.Has(FrameFlags.Validated) || user.LinearUses > 0 || used.LinearUses < 0)
            return false;
        if (!TryGet(frame))
            return false;
        user.LinearUses--;
        used.LinearUses++;
        used.TypeReferences++;
        return true;
    }

    private void PutLinear(Mfn table, Mfn frame)
    {
        memory.Info(table).LinearUses++;
        memory.Info(frame).LinearUses--;
    }
}
