namespace CloudPv.X86;

/// <summary>
/// Writes host machine code at a cursor. Only what translated code consists of: the mnemonics are methods, and none of them but those that say so changes flags.
/// </summary>
internal sealed unsafe partial class HostAssembler
{
    public const byte MoveLoad = 0x8b;
    public const byte MoveStore = 0x89;

    // SAFETY: the owner of the code region has seen to it that a whole block fits behind the cursor.
    public byte* Cursor;

    public void Byte(int value) => *Cursor++ = (byte)value;

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(Cursor, bytes.Length));
        Cursor += bytes.Length;
    }

    public void Int32(int value)
    {
        *(int*)Cursor = value;
        Cursor += 4;
    }

    public void UInt64(ulong value)
    {
        *(ulong*)Cursor = value;
        Cursor += 8;
    }

    /// <summary>Makes the 32-bit displacement that ends at <paramref name="site"/> + 4 lead to <paramref name="target"/>.</summary>
    public static void Patch(byte* site, byte* target) => *(int*)site = (int)(target - (site + 4));

    public void PatchToHere(byte* site) => Patch(site, Cursor);

    public void Jump(byte* target)
    {
        Byte(0xe9);
        Relative(target);
    }

    /// <summary>JMP rel32 to be patched; returns the place of its displacement.</summary>
    public byte* JumpForward()
    {
        Byte(0xe9);
        return ForwardDisplacement();
    }

    public void JumpIf(int condition, byte* target)
    {
        Byte(0x0f);
        Byte(0x80 | condition);
        Relative(target);
    }

    public byte* JumpIfForward(int condition)
    {
        Byte(0x0f);
        Byte(0x80 | condition);
        return ForwardDisplacement();
    }

    public void Call(byte* target)
    {
        Byte(0xe8);
        Relative(target);
    }

    public void Return() => Byte(0xc3);

    /// <summary>JMP or CALL through a pointer in the context.</summary>
    public void JumpContext(int offset) => Context(0xff, 4, offset, wide: false);

    public void CallContext(int offset) => Context(0xff, 2, offset, wide: false);

    public void Load(int register, int offset) => Context(MoveLoad, register, offset, wide: true);

    public void Store(int register, int offset) => Context(MoveStore, register, offset, wide: true);

    /// <summary>MOV of a spilled guest register from and to its place on the host's stack.</summary>
    public void LoadSpilled(int register, int guest) => MoveMemory(MoveLoad, register, HostRegister.Rsp, HostRegister.SpillPlace(guest));

    public void StoreSpilled(int register, int guest) => MoveMemory(MoveStore, register, HostRegister.Rsp, HostRegister.SpillPlace(guest));

    /// <summary>An instruction of one opcode byte with a register (or an opcode extension) and gs:[offset].</summary>
    public void Context(byte opcode, int register, int offset, bool wide)
    {
        Byte(0x65);
        var rex = (wide ? 0x48 : 0x40) | (register >> 3 << 2);
        if (rex != 0x40)
            Byte(rex);
        Byte(opcode);
        ContextOperand(register, offset);
    }

    /// <summary>ModRM, SIB and displacement of gs:[offset].</summary>
    public void ContextOperand(int register, int offset)
    {
        Byte(0x04 | ((register & 7) << 3));
        Byte(0x25);
        Int32(offset);
    }

    /// <summary>An instruction of one opcode byte with a 64-bit register and gs:[r11*8 + offset].</summary>
    public void ContextTable(byte opcode, int register, int offset, bool wide = true)
    {
        Byte(0x65);
        Byte((wide ? 0x4a : 0x42) | (register >> 3 << 2));
        Byte(opcode);
        Byte(0x04 | ((register & 7) << 3));
        Byte(0xdd);
        Int32(offset);
    }

    /// <summary>MOV dword gs:[offset], value.</summary>
    public void StoreImmediate32(int offset, int value)
    {
        Context(0xc7, 0, offset, wide: false);
        Int32(value);
    }

    /// <summary>MOV qword gs:[offset], value (sign-extended).</summary>
    public void StoreImmediate64(int offset, int value)
    {
        Context(0xc7, 0, offset, wide: true);
        Int32(value);
    }

    /// <summary>CMP r16, word gs:[offset]. Changes flags.</summary>
    public void CompareContext16(int register, int offset)
    {
        Byte(0x65);
        Byte(0x66);
        if (register >= 8)
            Byte(0x44);
        Byte(0x3b);
        ContextOperand(register, offset);
    }

    /// <summary>CMP dword gs:[offset], 0. Changes flags.</summary>
    public void CompareContextZero(int offset)
    {
        Context(0x83, 7, offset, wide: false);
        Byte(0);
    }

    public void Move(int destination, int source)
    {
        Byte(0x48 | (source >> 3 << 2) | (destination >> 3));
        Byte(MoveStore);
        Byte(0xc0 | ((source & 7) << 3) | (destination & 7));
    }

    /// <summary>MOVZX r32, r16.</summary>
    public void ZeroExtend16(int destination, int source)
    {
        Byte(0x40 | (destination >> 3 << 2) | (source >> 3));
        Bytes([0x0f, 0xb7]);
        Byte(0xc0 | ((destination & 7) << 3) | (source & 7));
    }

    /// <summary>The shortest MOV of a 64-bit constant.</summary>
    public void MoveImmediate(int register, ulong value)
    {
        if (value <= uint.MaxValue)
        {
            if (register >= 8)
                Byte(0x41);
            Byte(0xb8 + (register & 7));
            Int32((int)value);
        }
        else if ((long)value == (int)value)
        {
            Byte(0x48 | (register >> 3));
            Byte(0xc7);
            Byte(0xc0 | (register & 7));
            Int32((int)value);
        }
        else
        {
            MoveImmediate64(register, value);
        }
    }

    public void MoveImmediate64(int register, ulong value)
    {
        Byte(0x48 | (register >> 3));
        Byte(0xb8 + (register & 7));
        UInt64(value);
    }

    /// <summary>LEA destination, [base + displacement].</summary>
    public void Lea(int destination, int @base, int displacement) => Lea(destination, @base, HostRegister.None, 0, displacement);

    /// <summary>LEA destination, [base + index &lt;&lt; scale + displacement]; base and index may be absent. 32-bit results are zero-extended.</summary>
    public void Lea(int destination, int @base, int index, int scale, int displacement, bool wide = true)
    {
        var rex = 0x40 | (wide ? 8 : 0) | (destination >> 3 << 2) | (index >= 8 ? 2 : 0) | (@base >= 8 ? 1 : 0);
        if (rex != 0x40)
            Byte(rex);
        Byte(0x8d);
        Memory(destination, @base, index, scale, displacement);
    }

    /// <summary>ModRM, SIB and displacement of a host memory operand.</summary>
    public void Memory(int register, int @base, int index, int scale, int displacement)
    {
        var reg = (register & 7) << 3;
        var indexBits = ((index < 0 ? 4 : index) & 7) << 3;
        if (@base < 0)
        {
            Byte(0x04 | reg);
            Byte((scale << 6) | indexBits | 5);
            Int32(displacement);
            return;
        }

        var mode = displacement == 0 && (@base & 7) != 5 ? 0 : displacement == (sbyte)displacement ? 1 : 2;
        if (index < 0 && (@base & 7) != 4)
        {
            Byte((mode << 6) | reg | (@base & 7));
        }
        else
        {
            Byte((mode << 6) | reg | 4);
            Byte((scale << 6) | indexBits | (@base & 7));
        }

        if (mode == 1)
            Byte(displacement);
        else if (mode == 2)
            Int32(displacement);
    }

    /// <summary>MOV between a 64-bit register and [base + displacement].</summary>
    public void MoveMemory(byte opcode, int register, int @base, int displacement)
    {
        Byte(0x48 | (register >> 3 << 2) | (@base >> 3));
        Byte(opcode);
        Memory(register, @base, HostRegister.None, 0, displacement);
    }

    /// <summary>PEXT destination, source, gs:[offset] (BMI2): the bits of a mask, packed, with no flag touched.</summary>
    public void ExtractBits(int destination, int source, int offset)
    {
        Byte(0x65);
        Byte(0xc4);
        Byte((destination >= 8 ? 0 : 0x80) | 0x62);
        Byte(0x82 | ((~source & 15) << 3));
        Byte(0xf5);
        ContextOperand(destination, offset);
    }

    /// <summary>RORX destination, source, count (BMI2), 32 bits: a shift with no flag touched, where the bits that wrap don't matter.</summary>
    public void RotateRight32(int destination, int source, int count)
    {
        Byte(0xc4);
        Byte((destination >= 8 ? 0 : 0x80) | 0x40 | (source >= 8 ? 0 : 0x20) | 3);
        Byte(0x7b);
        Byte(0xf0);
        Byte(0xc0 | ((destination & 7) << 3) | (source & 7));
        Byte(count);
    }

    /// <summary>RORX destination, source, count (BMI2), 64 bits.</summary>
    public void RotateRight64(int destination, int source, int count)
    {
        Byte(0xc4);
        Byte((destination >= 8 ? 0 : 0x80) | 0x40 | (source >= 8 ? 0 : 0x20) | 3);
        Byte(0xfb);
        Byte(0xf0);
        Byte(0xc0 | ((destination & 7) << 3) | (source & 7));
        Byte(count);
    }

    /// <summary>NOT r64, which touches no flag.</summary>
    public void Not(int register)
    {
        Byte(0x48 | (register >> 3));
        Byte(0xf7);
        Byte(0xd0 | (register & 7));
    }

    /// <summary>SARX destination, source, count register (BMI2).</summary>
    public void ShiftRightArithmetic(int destination, int source, int count, bool wide)
    {
        Byte(0xc4);
        Byte((destination >= 8 ? 0 : 0x80) | 0x40 | (source >= 8 ? 0 : 0x20) | 2);
        Byte((wide ? 0x80 : 0) | ((~count & 15) << 3) | 2);
        Byte(0xf7);
        Byte(0xc0 | ((destination & 7) << 3) | (source & 7));
    }

    /// <summary>AND r32, imm32. Changes flags.</summary>
    public void And32(int register, int value)
    {
        if (register >= 8)
            Byte(0x41);
        Byte(0x81);
        Byte(0xe0 | (register & 7));
        Int32(value);
    }

    /// <summary>CMP r64, imm32 (sign-extended). Changes flags.</summary>
    public void CompareImmediate(int register, int value)
    {
        Byte(0x48 | (register >> 3));
        Byte(0x81);
        Byte(0xf8 | (register & 7));
        Int32(value);
    }

    /// <summary>CMP first, second (64 bits). Changes flags.</summary>
    public void Compare(int first, int second)
    {
        Byte(0x48 | (second >> 3 << 2) | (first >> 3));
        Byte(0x39);
        Byte(0xc0 | ((second & 7) << 3) | (first & 7));
    }

    /// <summary>JRCXZ over <paramref name="distance"/> bytes.</summary>
    public void JumpIfRcxZero(int distance)
    {
        Byte(0xe3);
        Byte(distance);
    }

    /// <summary>LAHF; SETO AL: the arithmetic flags in AX.</summary>
    public void SaveFlagsInAx()
    {
        Byte(0x9f);
        Bytes([0x0f, 0x90, 0xc0]);
    }

    /// <summary>ADD AL, 7Fh (sets OF where AL is 1); SAHF.</summary>
    public void RestoreFlagsFromAx() => Bytes([0x04, 0x7f, 0x9e]);

    /// <summary>MOVAPS between an XMM register and gs:[offset]; opcode 28h loads, 29h stores.</summary>
    public void MoveXmm(byte opcode, int xmm, int offset)
    {
        Byte(0x65);
        if (xmm >= 8)
            Byte(0x44);
        Byte(0x0f);
        Byte(opcode);
        ContextOperand(xmm, offset);
    }

    /// <summary>VEXTRACTF128 (store) or VINSERTF128 (load) of the upper half of a YMM register and gs:[offset].</summary>
    public void MoveUpperHalf(bool load, int ymm, int offset)
    {
        Byte(0x65);
        Byte(0xc4);
        Byte((ymm >= 8 ? 0 : 0x80) | 0x63);
        Byte(((load ? ~ymm & 15 : 15) << 3) | 5);
        Byte(load ? 0x18 : 0x19);
        ContextOperand(ymm, offset);
        Byte(1);
    }

    private byte* ForwardDisplacement()
    {
        Relocations?.AddBranch(Cursor);
        Int32(0);
        return Cursor - 4;
    }

    private void Relative(byte* target)
    {
        Relocations?.AddBranch(Cursor);
        Int32((int)(target - (Cursor + 4)));
    }
}
