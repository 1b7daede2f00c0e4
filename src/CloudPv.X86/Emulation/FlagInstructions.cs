using Iced.Intel;

namespace CloudPv.X86;

/// <summary>LAHF, SAHF and the instructions that set, clear or flip one flag.</summary>
internal static class FlagInstructions
{
    private const ulong InAh = Rflags.Sign | Rflags.Zero | Rflags.Adjust | Rflags.Parity | Rflags.Carry;

    public static bool Execute(ref Operation operation)
    {
        ref var state = ref operation.State;
        switch (operation.Instruction.Mnemonic)
        {
            case Mnemonic.Lahf:
                operation.WriteRegister(Register.AH, (state.Rflags & InAh) | Rflags.AlwaysSet);
                break;
            case Mnemonic.Sahf:
                state.Rflags = (state.Rflags & ~InAh) | (operation.ReadRegister(Register.AH) & InAh);
                break;
            case Mnemonic.Clc:
                state.Rflags &= ~Rflags.Carry;
                break;
            case Mnemonic.Stc:
                state.Rflags |= Rflags.Carry;
                break;
            case Mnemonic.Cmc:
                state.Rflags ^= Rflags.Carry;
                break;
            case Mnemonic.Cld:
                state.Rflags &= ~Rflags.Direction;
                break;
            default:
                state.Rflags |= Rflags.Direction;
                break;
        }

        return true;
    }
}
