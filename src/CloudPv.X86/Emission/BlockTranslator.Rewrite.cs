using System.Diagnostics;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Instructions that run as they are, but for the names of registers and the address of memory: nine in ten of all.</summary>
internal sealed unsafe partial class BlockTranslator
{
    private const int RexWide = 8;

    /// <summary>Where an instruction finds its memory operand.</summary>
    private enum MemoryForm
    {
        None,

        /// <summary><see cref="_operand"/>.</summary>
        Checked,

        /// <summary>T0 + displacement.</summary>
        Grouped,
    }

    private void EmitRewritten(int index, in Instruction instruction, InstructionForm form)
    {
        if (!GuestRegister.HasMemoryOperand(in instruction))
        {
            if (form.MayTrap)
                region.HotTraps.Add(_code.Cursor, instruction.IP);
            EmitOperation(index, in instruction, form, MemoryForm.None, 0);
            return;
        }

        var size = instruction.MemorySize.GetSize();
        Debug.Assert(size is > 0 and <= AccessDescription.LargestSize);
        var throughStackPointer = instruction.MemoryBase == Register.RSP && instruction.MemoryIndex == Register.None && instruction.SegmentPrefix is not (Register.FS or Register.GS);
        ref var path = ref BeginOperandAccess(index, in instruction, Describe(in instruction, size, form.WritesMemory, form.Treatment == Treatment.Tentative), throughStackPointer);
        if (form.MayTrap)
            region.HotTraps.Add(_code.Cursor, instruction.IP);
        path.SwappedHigh = EmitOperation(index, in instruction, form, MemoryForm.Checked, 0);
        EndAccess(ref path);
    }

    private void EmitRewrittenInGroup(int index, in Instruction instruction, InstructionForm form)
    {
        if (form.MayTrap)
            region.HotTraps.Add(_code.Cursor, instruction.IP);
        EmitOperation(index, in instruction, form, MemoryForm.Grouped, _groupMoved + (int)(long)instruction.MemoryDisplacement64 - _group.Lowest);
    }

    /// <summary>Returns the register whose low two bytes have changed places while the operation is carried out; none for most.</summary>
    private int EmitOperation(int index, in Instruction instruction, InstructionForm form, MemoryForm memory, int displacement)
    {
        if (form.IsVex)
        {
            EmitVexOperation(index, in instruction, form, memory, displacement);
            return HostRegister.None;
        }

        var isOffsetMove = instruction.Code is >= Code.Mov_AL_moffs8 and <= Code.Mov_moffs64_RAX;
        if (isOffsetMove)
        {
            EmitOffsetMove(in instruction);
            return HostRegister.None;
        }

        var encoding = new LegacyEncoding(block.Start(index), instruction.Length, form.HasModRm, memory != MemoryForm.None);
        var operand = memory == MemoryForm.Grouped ? new HostOperand(HostRegister.T0, HostRegister.None, displacement) : _operand;
        var forReg = memory == MemoryForm.Checked && operand.Base != HostRegister.T0 ? HostRegister.T0 : HostRegister.T1;
        var reg = RenameSlot(form.Reg, encoding.Reg, encoding.Rex, forReg);
        var rmGuest = RmOrOpcodeRegister(in encoding, form);
        var rm = memory == MemoryForm.None ? RenameSlot(form.HasModRm ? form.Rm : form.InOpcode, rmGuest, encoding.Rex, HostRegister.T0) : default;
        if (memory == MemoryForm.None && !reg.Renamed && !rm.Renamed)
        {
            EmitVerbatim(in encoding, index, in instruction);
            return HostRegister.None;
        }

        if (memory == MemoryForm.None)
            HoldOperands(ref reg, encoding.Reg, ref rm, rmGuest, form);

        // A high byte register can't be named beside R8–R15: its value changes places with the low one's for the time.
        var high = reg.IsHighByte ? encoding.Reg : rm.IsHighByte ? encoding.Rm : HostRegister.None;
        if (high >= 0)
            EmitSwapHighByte(high);
        var regNumber = reg.IsHighByte ? reg.Number - 4 : reg.Number;
        var rmNumber = rm.IsHighByte ? rm.Number - 4 : rm.Number;

        if (memory == MemoryForm.Checked && reg.Spilled && forReg == HostRegister.T1)
        {
            EmitHostAddress();
            operand = _operand;
        }

        if (memory != MemoryForm.None && reg.Spilled && !form.Reg.Overwritten)
            _code.LoadSpilled(forReg, encoding.Reg);

        EmitPrefixes(in encoding);
        var rex = (encoding.Rex & RexWide) | (form.HasModRm ? regNumber >> 3 << 2 : 0);
        rex |= memory == MemoryForm.None ? rmNumber >> 3 : operand.Rex;
        if (rex != 0 || (encoding.Rex != 0 && high < 0))
            _code.Byte(0x40 | rex);
        EmitOpcode(in encoding, form, rmNumber);
        if (form.HasModRm)
        {
            if (memory == MemoryForm.None)
                _code.Byte(0xc0 | ((regNumber & 7) << 3) | (rmNumber & 7));
            else
                _code.Memory(regNumber, operand.Base, operand.Index, 0, operand.Displacement);
        }

        _code.Bytes(new ReadOnlySpan<byte>(encoding.Immediate, encoding.ImmediateLength));
        if (reg.Spilled && form.Reg.Written)
            _code.StoreSpilled(regNumber, encoding.Reg);
        if (rm.Spilled && (form.HasModRm ? form.Rm : form.InOpcode).Written)
            _code.StoreSpilled(rmNumber, rmGuest);
        if (high >= 0)
            EmitSwapHighByte(high);
        return high;
    }

    /// <summary>What becomes of one register of the encoding.</summary>
    private readonly record struct Renaming(int Number, bool Renamed, bool Spilled, bool IsHighByte);

    private static Renaming RenameSlot(RegisterSlot slot, int number, int rex, int temporary)
    {
        if (!slot.Exists)
            return new Renaming(number, Renamed: false, Spilled: false, IsHighByte: false);
        if (slot.Size == 1 && rex == 0 && number is >= 4 and < 8)
            return new Renaming(number, Renamed: false, Spilled: false, IsHighByte: true);
        if (HostRegister.IsSpilled(number))
            return new Renaming(temporary, Renamed: true, Spilled: true, IsHighByte: false);
        var host = HostRegister.Of(number);
        return new Renaming(host, host != number, Spilled: false, IsHighByte: false);
    }

    private static int RmOrOpcodeRegister(in LegacyEncoding encoding, InstructionForm form) =>
        form.HasModRm || !form.InOpcode.Exists ? encoding.Rm : encoding.Rm | (encoding.Opcode[encoding.OpcodeLength - 1] & 7);

    /// <summary>The guest's own bytes, but for prefixes that mean nothing.</summary>
    private void EmitVerbatim(in LegacyEncoding encoding, int index, in Instruction instruction)
    {
        EmitPrefixes(in encoding);
        if (encoding.Rex != 0)
            _code.Byte(encoding.Rex);
        var length = (int)(block.Start(index) + instruction.Length - encoding.Opcode);
        _code.Bytes(new ReadOnlySpan<byte>(encoding.Opcode, length));
    }

    private void EmitPrefixes(in LegacyEncoding encoding)
    {
        if (encoding.OperandSize)
            _code.Byte(0x66);
        if (encoding.Repeat != 0)
            _code.Byte(encoding.Repeat);
        if (encoding.Lock)
            _code.Byte(0xf0);
    }

    private void EmitOpcode(in LegacyEncoding encoding, InstructionForm form, int rmNumber)
    {
        _code.Bytes(new ReadOnlySpan<byte>(encoding.Opcode, encoding.OpcodeLength));
        if (!form.HasModRm && form.InOpcode.Exists)
            _code.Cursor[-1] = (byte)((_code.Cursor[-1] & 0xf8) | (rmNumber & 7));
    }

    /// <summary>XCHG of AH, CH, DH or BH (encoded 4–7) with the low byte of the same register.</summary>
    private void EmitSwapHighByte(int high)
    {
        _code.Byte(0x86);
        _code.Byte(0xc0 | (high << 3) | (high - 4));
    }

    /// <summary>MOV between the accumulator and an absolute address (A0–A3), as the form with ModRM.</summary>
    private void EmitOffsetMove(in Instruction instruction) =>
        EmitAccumulatorMove(instruction.Op0Kind == OpKind.Memory, instruction.MemorySize.GetSize());

    /// <summary>MOV between AL, AX, EAX or RAX and [T0 + T1].</summary>
    private void EmitAccumulatorMove(bool store, int size)
    {
        if (size == 2)
            _code.Byte(0x66);
        _code.Byte(size == 8 ? 0x4b : 0x43);
        _code.Byte((store ? 0x88 : 0x8a) | (size == 1 ? 0 : 1));
        _code.Memory(HostRegister.Rax, HostRegister.T0, HostRegister.T1, 0, 0);
    }
}
