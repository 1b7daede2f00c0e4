using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Level-1 entries that map granted frames: only the grant table's operations make and remove them.</summary>
internal sealed class GrantMappings(DomainMemory memory)
{
    /// <summary>create_grant_pv_mapping.</summary>
    public GrantStatus Create(Vcpu vcpu, ulong address, Mfn frame, bool readOnly, bool containsPte, bool forUser, uint availableBits)
    {
        ulong entry = PageTableEntry.Adjust(FrameType.L1, frame.Value << 12 | Flags(readOnly, forUser) | (ulong)(availableBits & 7) << 9);
        using (memory.Change(vcpu))
        {
            if (!TryFind(vcpu, address, containsPte, out Mfn table, out int slot))
                return GrantStatus.GeneralError;
            if (!memory.Owns(frame))
                memory.Foreign.Mapped(frame, readOnly);
            ulong old = memory.Updates.Replace(table, slot, entry);
            memory.Types.PutFromEntry(table, FrameType.L1, old);
            return GrantStatus.Okay;
        }
    }

    /// <summary>replace_grant_pv_mapping.</summary>
    public GrantStatus Destroy(Vcpu vcpu, ulong address, Mfn frame, bool readOnly, bool containsPte, ulong newAddress)
    {
        const ulong Rights = PageTableEntry.Present | PageTableEntry.Writable;
        if (containsPte && newAddress != 0)
            return GrantStatus.GeneralError;
        using (memory.Change(vcpu))
        {
            if (!TryFind(vcpu, address, containsPte, out Mfn table, out int slot))
                return GrantStatus.GeneralError;
            ulong old = memory.Updates.Read(table, slot);
            if (PageTableEntry.Frame(old) != frame || ((old ^ Flags(readOnly, forUser: false)) & Rights) != 0)
                return GrantStatus.GeneralError;
            ulong entry = 0;
            if (newAddress != 0)
            {
                if (!TryFind(vcpu, newAddress, containsPte: false, out Mfn source, out int sourceSlot))
                    return GrantStatus.GeneralError;
                entry = memory.Updates.Replace(source, sourceSlot, 0);
            }
            memory.Updates.Replace(table, slot, entry);
            if (!memory.Owns(frame))
                memory.Foreign.Unmapped(frame, readOnly);
            memory.Types.RequestFlush();
            return GrantStatus.Okay;
        }
    }

    private bool TryFind(Vcpu vcpu, ulong address, bool containsPte, out Mfn table, out int slot)
    {
        if (!containsPte)
            return memory.Updates.TryFindEntry(vcpu.KernelRoot, address, out table, out slot);
        table = new(address >> 12);
        slot = (int)(address & 0xfff) / sizeof(ulong);
        return address % sizeof(ulong) == 0 && memory.IsTable(table, FrameType.L1);
    }

    private static ulong Flags(bool readOnly, bool forUser) =>
        PageTableEntry.Present | PageTableEntry.Accessed | PageTableEntry.Dirty | PageTableEntry.NoExecute
        | (readOnly ? 0 : PageTableEntry.Writable) | (forUser ? PageTableEntry.User : 0);
}
