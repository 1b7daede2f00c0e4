using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Integer instructions that read, change and write their first operand. In memory the change is one atomic compare-exchange, with or without a LOCK prefix:
/// stronger than an unlocked instruction needs, and never seen by the guest as anything else.
/// </summary>
internal static class ReadModifyWrite
{
    /// <summary>The new value of an operand of <paramref name="size"/> bytes, with RFLAGS changed as the instruction does.</summary>
    private delegate ulong Modification(ulong old, ulong source, int size, ref ulong rflags);

    /// <summary>Null where the instruction isn't of this family.</summary>
    public static bool? Execute(ref Operation operation) => operation.Instruction.Mnemonic switch
    {
        Mnemonic.Add => Binary(ref operation, Add),
        Mnemonic.Or => Binary(ref operation, Or),
        Mnemonic.Adc => Binary(ref operation, AddWithCarry),
        Mnemonic.Sbb => Binary(ref operation, SubtractWithBorrow),
        Mnemonic.And => Binary(ref operation, And),
        Mnemonic.Sub => Binary(ref operation, Subtract),
        Mnemonic.Xor => Binary(ref operation, Xor),
        Mnemonic.Inc => Apply(ref operation, operation.EffectiveAddress(), Increment, 1, out _),
        Mnemonic.Dec => Apply(ref operation, operation.EffectiveAddress(), Decrement, 1, out _),
        Mnemonic.Neg => Apply(ref operation, operation.EffectiveAddress(), Negate, 0, out _),
        Mnemonic.Not => Apply(ref operation, operation.EffectiveAddress(), Not, 0, out _),
        Mnemonic.Xchg => Exchange(ref operation, Replace),
        Mnemonic.Xadd => Exchange(ref operation, Add),
        Mnemonic.Bt => TestBit(ref operation),
        Mnemonic.Bts => ChangeBit(ref operation, SetBit),
        Mnemonic.Btr => ChangeBit(ref operation, ResetBit),
        Mnemonic.Btc => ChangeBit(ref operation, ComplementBit),
        _ => null,
    };

    private static bool Binary(ref Operation operation, Modification modification)
    {
        // The one form whose memory operand is the source.
        if (operation.IsMemory(1))
        {
            if (!operation.Read(1, out var value))
                return false;
            return Apply(ref operation, 0, modification, value, out _);
        }

        return operation.Read(1, out var source) && Apply(ref operation, operation.EffectiveAddress(), modification, source, out _);
    }

    /// <summary>XCHG and XADD: the old value goes to the second operand.</summary>
    private static bool Exchange(ref Operation operation, Modification modification)
    {
        ref readonly var instruction = ref operation.Instruction;

        // XCHG has its memory operand on either side; Iced decodes it as the first.
        if (!operation.Read(1, out var source) || !Apply(ref operation, operation.EffectiveAddress(), modification, source, out var old))
            return false;
        if (instruction.Op0Register != instruction.Op1Register)
            operation.WriteRegister(instruction.Op1Register, old);
        return true;
    }

    private static bool TestBit(ref Operation operation)
    {
        if (!LocateBit(ref operation, out var offset, out var bit))
            return false;
        var size = operation.Size(0);
        ulong value;
        if (!operation.IsMemory(0))
            value = operation.ReadRegister(operation.Instruction.Op0Register);
        else if (!operation.TryAddress(offset, size, out var address) || !operation.ReadMemory(address, size, out value))
            return false;
        SetCarry(ref operation.State.Rflags, (value >> (int)bit) & 1);
        return true;
    }

    private static bool ChangeBit(ref Operation operation, Modification modification) =>
        LocateBit(ref operation, out var offset, out var bit) && Apply(ref operation, offset, modification, bit, out _);

    /// <summary>A bit number in a register reaches beyond the memory operand, in either direction.</summary>
    private static bool LocateBit(ref Operation operation, out ulong offset, out ulong bit)
    {
        offset = operation.EffectiveAddress();
        if (!operation.Read(1, out bit))
            return false;
        var size = operation.Size(0);
        var width = 8 * size;
        if (operation.IsMemory(0) && operation.Instruction.GetOpKind(1) == OpKind.Register)
        {
            var signed = (long)(bit << (64 - width)) >> (64 - width);
            offset = operation.EffectiveAddress((ulong)((signed & -width) / 8));
        }

        bit &= (uint)width - 1;
        return true;
    }

    private static bool Apply(ref Operation operation, ulong offset, Modification modification, ulong source, out ulong old)
    {
        ref var state = ref operation.State;
        var size = operation.Size(0);
        source &= Rflags.Mask(size);
        var rflags = state.Rflags;
        if (!operation.IsMemory(0))
        {
            old = operation.ReadRegister(operation.Instruction.Op0Register);
            operation.WriteRegister(operation.Instruction.Op0Register, modification(old, source, size, ref rflags));
            state.Rflags = rflags;
            return true;
        }

        old = 0;
        if (!operation.TryAddress(offset, size, out var address) || !operation.ReadForWrite(address, size, out var seen))
            return false;
        UInt128 expected;
        do
        {
            expected = seen;
            old = (ulong)expected;
            rflags = state.Rflags;
            if (!operation.CompareExchange(address, size, expected, modification(old, source, size, ref rflags), out seen))
                return false;
        }
        while (seen != expected);
        state.Rflags = rflags;
        return true;
    }

    private static ulong Add(ulong old, ulong source, int size, ref ulong rflags) =>
        WithStatus(Rflags.Add(old, source, 0, size, out var status), status, ref rflags);

    private static ulong AddWithCarry(ulong old, ulong source, int size, ref ulong rflags) =>
        WithStatus(Rflags.Add(old, source, rflags & Rflags.Carry, size, out var status), status, ref rflags);

    private static ulong Subtract(ulong old, ulong source, int size, ref ulong rflags) =>
        WithStatus(Rflags.Subtract(old, source, 0, size, out var status), status, ref rflags);

    private static ulong SubtractWithBorrow(ulong old, ulong source, int size, ref ulong rflags) =>
        WithStatus(Rflags.Subtract(old, source, rflags & Rflags.Carry, size, out var status), status, ref rflags);

    private static ulong Negate(ulong old, ulong source, int size, ref ulong rflags) =>
        WithStatus(Rflags.Subtract(0, old, 0, size, out var status), status, ref rflags);

    private static ulong Or(ulong old, ulong source, int size, ref ulong rflags) => Logical(old | source, size, ref rflags);

    private static ulong And(ulong old, ulong source, int size, ref ulong rflags) => Logical(old & source, size, ref rflags);

    private static ulong Xor(ulong old, ulong source, int size, ref ulong rflags) => Logical(old ^ source, size, ref rflags);

    private static ulong Not(ulong old, ulong source, int size, ref ulong rflags) => ~old & Rflags.Mask(size);

    private static ulong Replace(ulong old, ulong source, int size, ref ulong rflags) => source;

    private static ulong Increment(ulong old, ulong source, int size, ref ulong rflags)
    {
        var carry = rflags & Rflags.Carry;
        var result = Add(old, source, size, ref rflags);
        SetCarry(ref rflags, carry);
        return result;
    }

    private static ulong Decrement(ulong old, ulong source, int size, ref ulong rflags)
    {
        var carry = rflags & Rflags.Carry;
        var result = Subtract(old, source, size, ref rflags);
        SetCarry(ref rflags, carry);
        return result;
    }

    private static ulong SetBit(ulong old, ulong bit, int size, ref ulong rflags)
    {
        SetCarry(ref rflags, (old >> (int)bit) & 1);
        return old | (1ul << (int)bit);
    }

    private static ulong ResetBit(ulong old, ulong bit, int size, ref ulong rflags)
    {
        SetCarry(ref rflags, (old >> (int)bit) & 1);
        return old & ~(1ul << (int)bit);
    }

    private static ulong ComplementBit(ulong old, ulong bit, int size, ref ulong rflags)
    {
        SetCarry(ref rflags, (old >> (int)bit) & 1);
        return old ^ (1ul << (int)bit);
    }

    private static ulong Logical(ulong result, int size, ref ulong rflags) => WithStatus(result, Rflags.OfResult(result, size), ref rflags);

    private static ulong WithStatus(ulong result, ulong status, ref ulong rflags)
    {
        rflags = (rflags & ~Rflags.Status) | status;
        return result;
    }

    private static void SetCarry(ref ulong rflags, ulong carry) => rflags = (rflags & ~Rflags.Carry) | carry;
}
