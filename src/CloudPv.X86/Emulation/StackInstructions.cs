using Iced.Intel;

namespace CloudPv.X86;

/// <summary>PUSH and POP of registers, memory, immediates and FS/GS, PUSHF, POPF, ENTER and LEAVE, with 64- and 16-bit operands.</summary>
internal static class StackInstructions
{
    public static bool Push(ref Operation operation)
    {
        var size = -operation.Instruction.StackPointerIncrement;
        var rsp = operation.State.Rsp;
        if (!operation.Read(0, out var value) || !operation.Push(ref rsp, value, size))
            return false;
        operation.State.Rsp = rsp;
        return true;
    }

    public static bool Pop(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Instruction.StackPointerIncrement;
        var old = state.Rsp;
        var rsp = old;
        if (!operation.Pop(ref rsp, size, out var value))
            return false;
        if (operation.Instruction.Op0Register is Register.FS or Register.GS)
        {
            if (!SegmentLoads.Load(ref operation, operation.Instruction.Op0Register, (ushort)value))
                return false;
            state.Rsp = rsp;
            return true;
        }

        // A memory operand that uses RSP sees it after the increment; POP RSP itself keeps what it popped.
        state.Rsp = rsp;
        if (operation.Write(0, value))
            return true;
        state.Rsp = old;
        return false;
    }

    public static bool PushFlags(ref Operation operation)
    {
        var rsp = operation.State.Rsp;
        if (!operation.Push(ref rsp, operation.State.Rflags, -operation.Instruction.StackPointerIncrement))
            return false;
        operation.State.Rsp = rsp;
        return true;
    }

    public static bool PopFlags(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Instruction.StackPointerIncrement;
        if (!operation.Pop(ref state.Rsp, size, out var value))
            return false;
        SetFlags(ref state, value, size);
        return true;
    }

    /// <summary>What POPF and IRET make of a flags value at CPL 3 with IOPL 0; a 16-bit one leaves the upper flags.</summary>
    public static void SetFlags(ref CpuState state, ulong value, int size)
    {
        var changeable = Rflags.ChangeableByUser & Rflags.Mask(size);
        state.Rflags = (state.Rflags & ~changeable) | (value & changeable);
    }

    public static bool Enter(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Instruction.Code == Code.Enterw_imm16_imm8 ? 2 : 8;
        var level = operation.Instruction.Immediate8_2nd & 31;
        var rsp = state.Rsp;
        if (!operation.Push(ref rsp, state.Rbp, size))
            return false;
        var frame = rsp;
        if (level > 0)
        {
            var display = state.Rbp;
            for (var i = 1; i < level; i++)
            {
                display -= (uint)size;
                if (!operation.TryLinear(display, size, stack: true, out _)
                    || !operation.ReadMemory(display, size, out var pointer)
                    || !operation.Push(ref rsp, pointer, size))
                    return false;
            }

            if (!operation.Push(ref rsp, frame, size))
                return false;
        }

        // The new top must be writable, though nothing is written there.
        rsp -= operation.Instruction.Immediate16;
        if (!operation.TryLinear(rsp, size, stack: true, out _) || !operation.ReadForWrite(rsp, size, out _))
            return false;
        operation.WriteRegister(size == 2 ? Register.BP : Register.RBP, frame);
        state.Rsp = rsp;
        return true;
    }

    public static bool Leave(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Instruction.Code == Code.Leavew ? 2 : 8;
        var rsp = state.Rbp;
        if (!operation.Pop(ref rsp, size, out var value))
            return false;
        operation.WriteRegister(size == 2 ? Register.BP : Register.RBP, value);
        state.Rsp = rsp;
        return true;
    }
}
