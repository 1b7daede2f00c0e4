using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Loads of segment registers at CPL 3 in 64-bit mode: MOV, POP (<see cref="StackInstructions"/>), LSS, LFS, LGS.</summary>
internal static class SegmentLoads
{
    public static bool Move(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        if (!instruction.Op0Register.IsSegmentRegister())
            return operation.Write(0, operation.ReadRegister(instruction.Op1Register));
        if (instruction.Op0Register == Register.CS)
            return operation.RaiseInvalidOpcode();
        return operation.Read(1, out var value) && Load(ref operation, instruction.Op0Register, (ushort)value);
    }

    /// <summary>LSS, LFS, LGS: a far pointer from memory into a general and a segment register.</summary>
    public static bool MoveFarPointer(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        var size = operation.Size(0);
        if (!operation.TryAddress(size + 2, out var address)
            || !operation.ReadMemory(address, size, out var offset)
            || !operation.ReadMemory(address + (uint)size, 2, out var selector))
            return false;
        var segment = instruction.Mnemonic switch
        {
            Mnemonic.Lss => Register.SS,
            Mnemonic.Lfs => Register.FS,
            _ => Register.GS,
        };
        if (!Load(ref operation, segment, (ushort)selector))
            return false;
        operation.WriteRegister(instruction.Op0Register, offset);
        return true;
    }

    /// <summary>Checks a selector and loads it (SDM vol. 2, MOV); FS and GS take their base from the descriptor, 0 for a null selector.</summary>
    public static bool Load(ref Operation operation, Register segment, ushort value)
    {
        if (segment == Register.SS)
            return CheckStack(ref operation, value) && Commit(ref operation, segment, value, 0);
        return CheckData(ref operation, value, out var segmentBase) && Commit(ref operation, segment, value, segmentBase);
    }

    /// <summary>Whether CPL 3 may have this selector in SS.</summary>
    public static bool CheckStack(ref Operation operation, ushort value)
    {
        var selector = new Selector(value);
        if (selector.IsNull)
            return operation.RaiseGeneralProtection();
        if (!operation.Descriptors.TryRead(value, out var raw))
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        var descriptor = new SegmentDescriptor(raw);
        if (selector.Rpl != 3 || descriptor.Dpl != 3 || !descriptor.IsWritable)
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        return descriptor.IsPresent || operation.RaiseStackFault(selector.ErrorCode);
    }

    private static bool CheckData(ref Operation operation, ushort value, out ulong segmentBase)
    {
        segmentBase = 0;
        var selector = new Selector(value);
        if (selector.IsNull)
            return true;
        if (!operation.Descriptors.TryRead(value, out var raw))
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        var descriptor = new SegmentDescriptor(raw);
        if (!descriptor.IsReadable || !descriptor.IsVisible)
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        segmentBase = descriptor.Base;
        return descriptor.IsPresent || operation.RaiseNotPresent(selector.ErrorCode);
    }

    private static bool Commit(ref Operation operation, Register segment, ushort value, ulong segmentBase)
    {
        RegisterOperand.Segment(ref operation.State, segment) = value;
        if (segment == Register.FS)
            operation.State.FsBase = segmentBase;
        else if (segment == Register.GS)
            operation.State.GsBase = segmentBase;
        return true;
    }
}
