using Iced.Intel;

namespace CloudPv.X86;

/// <summary>IRET, far RET, far CALL and far JMP from CPL 3 to CPL 3. The only target is a 64-bit code segment: this CPU has no compatibility mode, and no gates.</summary>
internal static class FarTransfers
{
    /// <summary>IRET in 64-bit mode: always five slots, of 8, 4 or 2 bytes (SDM vol. 2, IRET).</summary>
    public static bool InterruptReturn(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Instruction.Code switch
        {
            Code.Iretq => 8,
            Code.Iretd => 4,
            _ => 2,
        };
        if ((state.Rflags & Rflags.NestedTask) != 0)
            return operation.RaiseGeneralProtection();
        var frame = state.Rsp;
        if (!operation.Pop(ref frame, size, out var rip)
            || !operation.Pop(ref frame, size, out var cs)
            || !operation.Pop(ref frame, size, out var flags)
            || !operation.Pop(ref frame, size, out var rsp)
            || !operation.Pop(ref frame, size, out var ss)
            || !CheckReturn(ref operation, (ushort)cs)
            || !CheckTarget(ref operation, rip)
            || !SegmentLoads.CheckStack(ref operation, (ushort)ss))
            return false;
        state.Cs = (ushort)cs;
        state.Ss = (ushort)ss;
        state.Rsp = rsp;
        operation.NextRip = rip;
        StackInstructions.SetFlags(ref state, flags, size);
        return true;
    }

    public static bool Return(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Instruction.Code switch
        {
            Code.Retfq or Code.Retfq_imm16 => 8,
            Code.Retfd or Code.Retfd_imm16 => 4,
            _ => 2,
        };
        var rsp = state.Rsp;
        if (!operation.Pop(ref rsp, size, out var rip)
            || !operation.Pop(ref rsp, size, out var cs)
            || !CheckReturn(ref operation, (ushort)cs)
            || !CheckTarget(ref operation, rip))
            return false;
        state.Cs = (ushort)cs;
        state.Rsp = rsp + (operation.Instruction.OpCount == 1 ? operation.Instruction.Immediate16 : 0u);
        operation.NextRip = rip;
        return true;
    }

    public static bool Jump(ref Operation operation)
    {
        if (!ReadTarget(ref operation, out _, out var cs, out var rip))
            return false;
        operation.State.Cs = cs;
        operation.NextRip = rip;
        return true;
    }

    public static bool Call(ref Operation operation)
    {
        ref var state = ref operation.State;
        if (!ReadTarget(ref operation, out var size, out var cs, out var rip))
            return false;
        var rsp = state.Rsp;
        if (!operation.Push(ref rsp, state.Cs, size) || !operation.Push(ref rsp, operation.NextRip, size))
            return false;
        state.Rsp = rsp;
        state.Cs = cs;
        operation.NextRip = rip;
        return true;
    }

    private static bool ReadTarget(ref Operation operation, out int size, out ushort cs, out ulong rip)
    {
        size = operation.Instruction.MemorySize.GetSize() - 2;
        (cs, rip) = (0, 0);
        if (!operation.TryAddress(size + 2, out var address)
            || !operation.ReadMemory(address, size, out rip)
            || !operation.ReadMemory(address + (uint)size, 2, out var value))
            return false;
        var selector = new Selector((ushort)value);
        if (!CheckCode(ref operation, selector) || !CheckTarget(ref operation, rip))
            return false;
        cs = (ushort)(selector.Value | 3);
        return true;
    }

    private static bool CheckReturn(ref Operation operation, ushort cs)
    {
        var selector = new Selector(cs);
        if (!selector.IsNull && selector.Rpl != 3)
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        return CheckCode(ref operation, selector);
    }

    private static bool CheckCode(ref Operation operation, Selector selector)
    {
        if (selector.IsNull)
            return operation.RaiseGeneralProtection();
        if (!operation.Descriptors.TryRead(selector.Value, out var raw))
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        var descriptor = new SegmentDescriptor(raw);
        if (!descriptor.IsLongCode || !descriptor.IsVisible)
            return operation.RaiseGeneralProtection(selector.ErrorCode);
        return descriptor.IsPresent || operation.RaiseNotPresent(selector.ErrorCode);
    }

    private static bool CheckTarget(ref Operation operation, ulong rip) => Operation.IsCanonical(rip) || operation.RaiseGeneralProtection();
}
