using Iced.Intel;

namespace CloudPv.X86;

/// <summary>CMPXCHG, CMPXCHG8B and CMPXCHG16B. To memory, failing is a write access too; a register is left alone, upper half included.</summary>
internal static class CompareExchange
{
    public static bool Execute(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        ref var state = ref operation.State;
        var size = operation.Size(0);
        var accumulator = size switch
        {
            1 => Register.AL,
            2 => Register.AX,
            4 => Register.EAX,
            _ => Register.RAX,
        };
        var expected = operation.ReadRegister(accumulator);
        var desired = operation.ReadRegister(instruction.Op1Register);
        ulong old;
        if (operation.IsMemory(0))
        {
            if (!operation.TryAddress(size, out var address) || !operation.CompareExchange(address, size, expected, desired, out var seen))
                return false;
            old = (ulong)seen;
        }
        else
        {
            old = operation.ReadRegister(instruction.Op0Register);
            if (old == expected)
                operation.WriteRegister(instruction.Op0Register, desired);
        }

        Rflags.Subtract(expected, old, 0, size, out var status);
        state.Rflags = (state.Rflags & ~Rflags.Status) | status;
        if (old != expected)
            operation.WriteRegister(accumulator, old);
        return true;
    }

    public static bool ExecuteDouble(ref Operation operation)
    {
        ref var state = ref operation.State;
        var size = operation.Size(0);
        var half = 4 * size;
        var mask = Rflags.Mask(size / 2);
        if (!operation.TryAddress(size, out var address))
            return false;
        if (size == 16 && (address & 15) != 0)
            return operation.RaiseGeneralProtection();
        var expected = ((UInt128)(state.Rdx & mask) << half) | (state.Rax & mask);
        var desired = ((UInt128)(state.Rcx & mask) << half) | (state.Rbx & mask);
        if (!operation.CompareExchange(address, size, expected, desired, out var old))
            return false;
        if (old == expected)
        {
            state.Rflags |= Rflags.Zero;
            return true;
        }

        state.Rflags &= ~Rflags.Zero;
        state.Rax = (ulong)old & mask;
        state.Rdx = (ulong)(old >> half) & mask;
        return true;
    }
}
