using Iced.Intel;

namespace CloudPv.X86;

/// <summary>MOV and MOVNTI of general registers, memory and immediates, LEA, XLAT, and the FS and GS bases.</summary>
internal static class MoveInstructions
{
    public static bool Move(ref Operation operation) => operation.Read(1, out var value) && operation.Write(0, value);

    public static bool LoadEffectiveAddress(ref Operation operation)
    {
        operation.WriteRegister(operation.Instruction.Op0Register, operation.EffectiveAddress());
        return true;
    }

    /// <summary>AL from the table at RBX.</summary>
    public static bool Translate(ref Operation operation)
    {
        if (!operation.TryAddress(1, out var address) || !operation.ReadMemory(address, 1, out var value))
            return false;
        operation.WriteRegister(Register.AL, value);
        return true;
    }

    /// <summary>RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE.</summary>
    public static bool SegmentBase(ref Operation operation)
    {
        ref var state = ref operation.State;
        var register = operation.Instruction.Op0Register;
        var value = operation.ReadRegister(register);
        switch (operation.Instruction.Mnemonic)
        {
            case Mnemonic.Rdfsbase:
                operation.WriteRegister(register, state.FsBase);
                return true;
            case Mnemonic.Rdgsbase:
                operation.WriteRegister(register, state.GsBase);
                return true;
            case var _ when !Operation.IsCanonical(value):
                return operation.RaiseGeneralProtection();
            case Mnemonic.Wrfsbase:
                state.FsBase = value;
                return true;
            default:
                state.GsBase = value;
                return true;
        }
    }
}
