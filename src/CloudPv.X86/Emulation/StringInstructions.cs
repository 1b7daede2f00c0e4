using Iced.Intel;

namespace CloudPv.X86;

/// <summary>MOVS, STOS, LODS, CMPS and SCAS with and without REP. Each iteration is complete in itself, so a fault or an interrupt between two leaves a state to go on from.</summary>
internal static class StringInstructions
{
    /// <summary>Iterations of one call, so that interrupts are taken in time.</summary>
    private const int LongestRun = 1024;

    public static bool Execute(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        var text = new StringOperands(in instruction);
        var repeated = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        if (!repeated)
            return Step(ref operation, in text);

        // A trap flag ends every iteration with a #DB.
        var limit = (operation.State.Rflags & Rflags.Trap) != 0 ? 1 : LongestRun;
        for (var iteration = 0; ; iteration++)
        {
            var count = operation.ReadRegister(text.Count);
            if (count == 0)
                return true;
            if (iteration == limit)
            {
                operation.NextRip = instruction.IP;
                return true;
            }

            if (!Step(ref operation, in text))
                return false;
            operation.WriteRegister(text.Count, count - 1);
            if (text.Compares && (operation.State.Rflags & Rflags.Zero) != 0 == instruction.HasRepnePrefix)
                return true;
        }
    }

    private static bool Step(ref Operation operation, in StringOperands text)
    {
        ref var state = ref operation.State;
        var size = text.Size;
        ulong value;
        switch (text.Kind)
        {
            case StringKind.Move:
                if (!ReadSource(ref operation, in text, out value) || !TryDestination(ref operation, in text, out var target) || !operation.WriteMemory(target, value, size))
                    return false;
                Advance(ref operation, text.Source, size);
                Advance(ref operation, text.Destination, size);
                return true;
            case StringKind.Store:
                if (!TryDestination(ref operation, in text, out target) || !operation.WriteMemory(target, state.Rax, size))
                    return false;
                Advance(ref operation, text.Destination, size);
                return true;
            case StringKind.Load:
                if (!ReadSource(ref operation, in text, out value))
                    return false;
                operation.WriteRegister(text.Accumulator, value);
                Advance(ref operation, text.Source, size);
                return true;
            case StringKind.Compare:
                if (!ReadSource(ref operation, in text, out value) || !ReadDestination(ref operation, in text, out var other))
                    return false;
                Compare(ref state, value, other, size);
                Advance(ref operation, text.Source, size);
                Advance(ref operation, text.Destination, size);
                return true;
            default:
                if (!ReadDestination(ref operation, in text, out other))
                    return false;
                Compare(ref state, state.Rax & Rflags.Mask(size), other, size);
                Advance(ref operation, text.Destination, size);
                return true;
        }
    }

    private static bool ReadSource(ref Operation operation, in StringOperands text, out ulong value)
    {
        value = 0;
        return operation.TryAddress(operation.ReadRegister(text.Source), text.Size, out var address) && operation.ReadMemory(address, text.Size, out value);
    }

    private static bool ReadDestination(ref Operation operation, in StringOperands text, out ulong value)
    {
        value = 0;
        return TryDestination(ref operation, in text, out var address) && operation.ReadMemory(address, text.Size, out value);
    }

    /// <summary>ES:[RDI], whatever segment prefix there is.</summary>
    private static bool TryDestination(ref Operation operation, in StringOperands text, out ulong address) =>
        operation.TryLinear(operation.ReadRegister(text.Destination), text.Size, stack: false, out address);

    private static void Advance(ref Operation operation, Register index, int size)
    {
        var step = (operation.State.Rflags & Rflags.Direction) != 0 ? -size : size;
        operation.WriteRegister(index, operation.ReadRegister(index) + (ulong)step);
    }

    private static void Compare(ref CpuState state, ulong left, ulong right, int size)
    {
        Rflags.Subtract(left, right, 0, size, out var status);
        state.Rflags = (state.Rflags & ~Rflags.Status) | status;
    }
}
