using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Guest R9, R10 and R11, which live in the context. What a scratch register has been given of one stays there until something else needs the scratch register, so that
/// a chain of operations on one isn't a chain through memory; every write goes to the context at once, so that nothing has to be saved at exits.
/// </summary>
internal sealed unsafe partial class BlockTranslator
{
    /// <summary>The spilled guest register whose value is in the scratch register.</summary>
    private int _heldInT0 = HostRegister.None;
    private int _heldInT1 = HostRegister.None;

    private void ForgetHeld()
    {
        _heldInT0 = HostRegister.None;
        _heldInT1 = HostRegister.None;
    }

    /// <summary>Whether an instruction's code leaves the scratch registers alone, or uses them for spilled operands only.</summary>
    private bool KeepsHeld(in Instruction instruction, InstructionForm form) => options.HeldRegisters && form.Treatment switch
    {
        Treatment.Nothing or Treatment.JumpConditional => true,
        Treatment.Rewrite => !GuestRegister.HasMemoryOperand(in instruction),
        Treatment.Lea => !IsSpilled(instruction.Op0Register) && !IsSpilled(instruction.MemoryBase) && !IsSpilled(instruction.MemoryIndex),
        _ => false,
    };

    /// <summary>Chooses scratch registers for the spilled ones among an instruction's two register operands, and sees that their values are there.</summary>
    private void HoldOperands(ref Renaming reg, int regGuest, ref Renaming rm, int rmGuest, InstructionForm form)
    {
        var same = reg.Spilled && rm.Spilled && regGuest == rmGuest;
        var forReg = reg.Spilled ? Holder(regGuest) : HostRegister.None;
        var forRm = rm.Spilled && !same ? Holder(rmGuest) : HostRegister.None;
        if (reg.Spilled)
            reg = reg with { Number = forReg != HostRegister.None ? forReg : forReg = Hold(regGuest, forRm, load: same || !form.Reg.Overwritten) };
        if (same)
            rm = rm with { Number = reg.Number };
        else if (rm.Spilled)
            rm = rm with { Number = forRm != HostRegister.None ? forRm : Hold(rmGuest, forReg, load: !(form.HasModRm ? form.Rm : form.InOpcode).Overwritten) };
    }

    private int Holder(int guest) => _heldInT0 == guest ? HostRegister.T0 : _heldInT1 == guest ? HostRegister.T1 : HostRegister.None;

    /// <summary>
    /// Chooses the scratch register that isn't <paramref name="taken"/>, of two free ones the one that holds nothing, for a spilled register, and loads it unless its value
    /// is about to be overwritten.
    /// </summary>
    private int Hold(int guest, int taken, bool load)
    {
        if (_slotInT1 != NoSlot && taken == HostRegister.None)
            taken = HostRegister.T1;
        var scratch = taken == HostRegister.T1 || (taken == HostRegister.None && _heldInT1 != HostRegister.None && _heldInT0 == HostRegister.None) ? HostRegister.T0 : HostRegister.T1;
        if (load)
            _code.LoadSpilled(scratch, guest);
        if (scratch == HostRegister.T0)
            _heldInT0 = guest;
        else
            _heldInT1 = guest;
        if (scratch == HostRegister.T1)
            _slotInT1 = NoSlot;
        return scratch;
    }

    private static bool IsSpilled(Register register) => HostRegister.IsSpilled(GuestRegister.Number(register));
}
