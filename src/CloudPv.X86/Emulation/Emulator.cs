using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Executes single instructions of 64-bit mode at CPL 3 with IOPL 0, as the Intel SDM (vol. 2) describes them: those that the translator leaves out, and
/// those whose memory access somebody must see (writes to page tables, locked accesses that straddle pages).
/// </summary>
public static class Emulator
{
    /// <summary>Executes <paramref name="instruction"/>, which stands at its own <see cref="Instruction.IP"/>. Allocates nothing.</summary>
    public static EmulationResult Execute(ref CpuState state, in Instruction instruction, IEmulatorMemory memory, ISegmentDescriptors descriptors)
    {
        var operation = new Operation(ref state, in instruction, memory, descriptors);
        return Dispatch(ref operation) switch
        {
            null => new EmulationResult(EmulationStatus.NotHandled),
            false => new EmulationResult(EmulationStatus.Raised, operation.Fault),
            true => Advance(ref operation),
        };
    }

    private static EmulationResult Advance(ref Operation operation)
    {
        operation.State.Rip = operation.NextRip;
        return new EmulationResult(EmulationStatus.Done);
    }

    /// <summary>Null where no family knows the instruction.</summary>
    private static bool? Dispatch(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        if (PrivilegedInstructions.IsOne(in instruction))
            return PrivilegedInstructions.Execute(ref operation);
        if (instruction.IsStringInstruction)
            return StringInstructions.Execute(ref operation);
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Push:
                return StackInstructions.Push(ref operation);
            case Mnemonic.Pop:
                return StackInstructions.Pop(ref operation);
            case Mnemonic.Pushf or Mnemonic.Pushfq:
                return StackInstructions.PushFlags(ref operation);
            case Mnemonic.Popf or Mnemonic.Popfq:
                return StackInstructions.PopFlags(ref operation);
            case Mnemonic.Enter:
                return StackInstructions.Enter(ref operation);
            case Mnemonic.Leave:
                return StackInstructions.Leave(ref operation);
            case Mnemonic.Lahf or Mnemonic.Sahf or Mnemonic.Clc or Mnemonic.Stc or Mnemonic.Cmc or Mnemonic.Cld or Mnemonic.Std:
                return FlagInstructions.Execute(ref operation);
            case Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs:
                return SegmentLoads.MoveFarPointer(ref operation);
            case Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                return FarTransfers.InterruptReturn(ref operation);
            case Mnemonic.Retf:
                return FarTransfers.Return(ref operation);
            case Mnemonic.Mov when instruction.Op0Register.IsSegmentRegister() || instruction.Op1Register.IsSegmentRegister():
                return SegmentLoads.Move(ref operation);
            case Mnemonic.Mov or Mnemonic.Movnti:
                return MoveInstructions.Move(ref operation);
            case Mnemonic.Lea:
                return MoveInstructions.LoadEffectiveAddress(ref operation);
            case Mnemonic.Xlatb:
                return MoveInstructions.Translate(ref operation);
            case Mnemonic.Rdfsbase or Mnemonic.Rdgsbase or Mnemonic.Wrfsbase or Mnemonic.Wrgsbase:
                return MoveInstructions.SegmentBase(ref operation);
            case Mnemonic.Cmpxchg:
                return CompareExchange.Execute(ref operation);
            case Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b:
                return CompareExchange.ExecuteDouble(ref operation);
            case Mnemonic.Call when instruction.IsCallFarIndirect:
                return FarTransfers.Call(ref operation);
            case Mnemonic.Jmp when instruction.IsJmpFarIndirect:
                return FarTransfers.Jump(ref operation);
            case Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr or Mnemonic.Verw:
                return SegmentQueries.Execute(ref operation);
            case Mnemonic.Fxsave or Mnemonic.Fxsave64:
                return FxImage.Save(ref operation);
            case Mnemonic.Fxrstor or Mnemonic.Fxrstor64:
                return FxImage.Restore(ref operation);
            case Mnemonic.Xsave or Mnemonic.Xsave64:
                return ExtendedStateImage.Save(ref operation);
            case Mnemonic.Xrstor or Mnemonic.Xrstor64:
                return ExtendedStateImage.Restore(ref operation);
            case Mnemonic.Xgetbv:
                return ExtendedStateImage.ReadControl(ref operation);
            case Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq:
                return MaskedVectors.Move(ref operation);
            case Mnemonic.Vgatherdps or Mnemonic.Vgatherdpd or Mnemonic.Vgatherqps or Mnemonic.Vgatherqpd
                or Mnemonic.Vpgatherdd or Mnemonic.Vpgatherdq or Mnemonic.Vpgatherqd or Mnemonic.Vpgatherqq when instruction.Op2Register.IsVectorRegister():
                return MaskedVectors.Gather(ref operation);
            case Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu:
                return MaskedMoves.Execute(ref operation);
            default:
                return ReadModifyWrite.Execute(ref operation);
        }
    }
}
