namespace CloudPv.X86;

/// <summary>What depends on the guest address that a block stands for, or on where its own code stands.</summary>
internal sealed unsafe partial class HostAssembler
{
    /// <summary>Where such places are noted; null: nowhere.</summary>
    public RelocationLog? Relocations { get; set; }

    /// <summary>The shortest MOV of a guest address.</summary>
    public void MoveAddress(int register, ulong address)
    {
        MoveImmediate(register, address);
        LogImmediate(address, address, RelocationKind.AddressUnsigned32, RelocationKind.AddressSigned32, RelocationKind.Address64);
    }

    /// <summary>The shortest MOV of minus a guest address.</summary>
    public void MoveNegatedAddress(int register, ulong address)
    {
        MoveImmediate(register, 0 - address);
        LogImmediate(0 - address, address, RelocationKind.NegatedUnsigned32, RelocationKind.NegatedSigned32, RelocationKind.Negated64);
    }

    /// <summary>MOV of the lower half of a guest address, zero-extended.</summary>
    public void MoveAddressLow32(int register, uint address)
    {
        MoveImmediate(register, address);
        Relocations?.Add(Cursor - 4, RelocationKind.AddressLow32, address);
    }

    /// <summary>The sign-extended immediate operand, a guest address, of the instruction in front.</summary>
    public void AddressSigned32(ulong address)
    {
        Relocations?.Add(Cursor, RelocationKind.AddressSigned32, address);
        Int32((int)address);
    }

    /// <summary>CMP of a register with a guest address that sign-extends from 32 bits. Changes flags.</summary>
    public void CompareAddress(int register, ulong address)
    {
        CompareImmediate(register, (int)address);
        Relocations?.Add(Cursor - 4, RelocationKind.AddressSigned32, address);
    }

    public void MoveAccess(int register, AccessDescription access)
    {
        MoveImmediate64(register, access.Bits);
        Relocations?.Add(Cursor - 8, RelocationKind.Access, access.Rip);
    }

    /// <summary>MOV of the place of a jump of this block, as an offset in the code region.</summary>
    public void MoveSite(int register, uint offset, byte* site)
    {
        MoveImmediate(register, offset);
        Relocations?.Add(Cursor - 4, RelocationKind.SiteInHot, (ulong)site);
    }

    /// <summary>JMP through an address's slot of a mode's jump cache, whose place in the context is given.</summary>
    public void JumpThroughSlot(int jumpCache, ulong address)
    {
        JumpContext(jumpCache + (JumpCache.Slot(address) * 8));
        Relocations?.Add(Cursor - 4, RelocationKind.JumpCacheSlot, address);
    }

    /// <summary>Repeats code that this block has emitted: no jumps.</summary>
    public void Repeat(byte* code, int length)
    {
        Relocations?.Copied(code, Cursor, length);
        Bytes(new ReadOnlySpan<byte>(code, length));
    }

    private void LogImmediate(ulong value, ulong address, RelocationKind unsigned32, RelocationKind signed32, RelocationKind full)
    {
        if (value <= uint.MaxValue)
            Relocations?.Add(Cursor - 4, unsigned32, address);
        else if ((long)value == (int)value)
            Relocations?.Add(Cursor - 4, signed32, address);
        else
            Relocations?.Add(Cursor - 8, full, address);
    }
}
