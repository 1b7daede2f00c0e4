using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Instructions in VEX encoding, with up to three general registers, of which none is both read and written. So a spilled one that is written can take a scratch register
/// whose value was read, and the two are enough.
/// </summary>
internal sealed unsafe partial class BlockTranslator
{
    private void EmitVexOperation(int index, in Instruction instruction, InstructionForm form, MemoryForm memory, int displacement)
    {
        var encoding = new VexEncoding(block.Start(index), instruction.Length, memory != MemoryForm.None);
        var reg = RenameVexSlot(form.Reg, encoding.Reg);
        var vvvv = RenameVexSlot(form.Vvvv, encoding.Vvvv);
        if (memory == MemoryForm.None)
            EmitVexOfRegisters(in encoding, index, in instruction, form, reg, vvvv);
        else
            EmitVexOfMemory(in encoding, form, memory, displacement, reg, vvvv);
    }

    private static Renaming RenameVexSlot(RegisterSlot slot, int number) => RenameSlot(slot, number, rex: 0x40, HostRegister.T1);

    private void EmitVexOfRegisters(in VexEncoding encoding, int index, in Instruction instruction, InstructionForm form, Renaming reg, Renaming vvvv)
    {
        var rm = RenameVexSlot(form.Rm, encoding.Rm);
        if (!reg.Renamed && !vvvv.Renamed && !rm.Renamed)
        {
            _code.Bytes(new ReadOnlySpan<byte>(encoding.Start, (int)(block.Start(index) + instruction.Length - encoding.Start)));
            EmitYmmCleared(in instruction);
            return;
        }

        HoldSources(form, ref reg, encoding.Reg, ref vvvv, encoding.Vvvv, ref rm, encoding.Rm);
        if (reg.Spilled && form.Reg.Written)
            reg = HoldResult(reg, encoding.Reg, rm.Spilled ? rm.Number : HostRegister.None);
        if (vvvv.Spilled && form.Vvvv.Written)
            vvvv = HoldResult(vvvv, encoding.Vvvv, reg.Spilled ? reg.Number : rm.Spilled ? rm.Number : HostRegister.None);
        EmitVex(in encoding, reg.Number, vvvv.Number, rm.Number >= 8 ? 1 : 0);
        _code.Byte(0xc0 | ((reg.Number & 7) << 3) | (rm.Number & 7));
        _code.Bytes(new ReadOnlySpan<byte>(encoding.Immediate, encoding.ImmediateLength));
        StoreResults(in encoding, form, reg, vvvv);
        if (rm.Spilled && form.Rm.Written)
            _code.StoreSpilled(rm.Number, encoding.Rm);
    }

    /// <summary>Sees that the spilled registers that are read are in scratch registers: two at most.</summary>
    private void HoldSources(InstructionForm form, ref Renaming reg, int regGuest, ref Renaming vvvv, int vvvvGuest, ref Renaming rm, int rmGuest)
    {
        var none = default(Renaming);
        if (vvvv.Spilled && !form.Vvvv.Written)
            HoldOperands(ref vvvv, vvvvGuest, ref rm, rmGuest, form);
        else if (reg.Spilled && !form.Reg.Written)
            HoldOperands(ref reg, regGuest, ref rm, rmGuest, form);
        else
            HoldOperands(ref none, 0, ref rm, rmGuest, form);
    }

    /// <summary>A scratch register for what is written; not <paramref name="taken"/>, if another holds nothing that is still needed.</summary>
    private Renaming HoldResult(Renaming register, int guest, int taken)
    {
        var holder = Holder(guest);
        return register with { Number = holder != HostRegister.None ? holder : Hold(guest, taken, load: false) };
    }

    private void EmitVexOfMemory(in VexEncoding encoding, InstructionForm form, MemoryForm memory, int displacement, Renaming reg, Renaming vvvv)
    {
        var isGrouped = memory == MemoryForm.Grouped;
        var operand = isGrouped ? new HostOperand(HostRegister.T0, HostRegister.None, displacement) : _operand;
        var scratch = operand.Base != HostRegister.T0 ? HostRegister.T0 : HostRegister.T1;
        var source = vvvv.Spilled && !form.Vvvv.Written ? encoding.Vvvv : reg.Spilled && !form.Reg.Written ? encoding.Reg : HostRegister.None;
        if (source != HostRegister.None)
        {
            if (!isGrouped && scratch == HostRegister.T1)
            {
                EmitHostAddress();
                operand = _operand;
            }

            _code.LoadSpilled(scratch, source);
        }

        // What is read can give its place, the address's registers too: but to a group that of its address.
        var twoResults = reg.Spilled && vvvv.Spilled && form.Reg.Written && form.Vvvv.Written && encoding.Reg != encoding.Vvvv;
        var other = scratch == HostRegister.T0 ? HostRegister.T1 : HostRegister.T0;
        if (reg.Spilled)
            reg = reg with { Number = scratch };
        if (vvvv.Spilled)
            vvvv = vvvv with { Number = twoResults ? other : scratch };
        if ((reg.Spilled && reg.Number == HostRegister.T1) || (vvvv.Spilled && vvvv.Number == HostRegister.T1))
            _keepsT1 = false;
        if (twoResults && isGrouped)
            _code.Store(HostRegister.T0, ContextLayout.Scratch);
        EmitVex(in encoding, reg.Number, vvvv.Number, operand.Rex);
        _code.Memory(reg.Number, operand.Base, operand.Index, 0, operand.Displacement);
        _code.Bytes(new ReadOnlySpan<byte>(encoding.Immediate, encoding.ImmediateLength));
        StoreResults(in encoding, form, reg, vvvv);
        if (twoResults && isGrouped)
            _code.Load(HostRegister.T0, ContextLayout.Scratch);
    }

    private void StoreResults(in VexEncoding encoding, InstructionForm form, Renaming reg, Renaming vvvv)
    {
        if (reg.Spilled && form.Reg.Written)
            _code.StoreSpilled(reg.Number, encoding.Reg);
        if (vvvv.Spilled && form.Vvvv.Written)
            _code.StoreSpilled(vvvv.Number, encoding.Vvvv);
    }

    /// <summary>The prefix and the opcode.</summary>
    /// <param name="extension">VEX.X and VEX.B, as in REX.</param>
    private void EmitVex(in VexEncoding encoding, int reg, int vvvv, int extension)
    {
        _code.Byte(VexEncoding.ThreeBytes);
        _code.Byte((reg >= 8 ? 0 : 0x80) | (~extension & 3) << 5 | encoding.Map);
        _code.Byte((encoding.Wide ? 0x80 : 0) | (~vvvv & 15) << 3 | encoding.LengthAndPrefix);
        _code.Byte(encoding.Opcode);
    }
}
