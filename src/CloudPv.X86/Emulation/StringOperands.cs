using Iced.Intel;

namespace CloudPv.X86;

internal enum StringKind
{
    Move,
    Store,
    Load,
    Compare,
    Scan,
}

/// <summary>What a string instruction does, with which element size, and by which registers (of 32 or 64 bits, by its address size).</summary>
internal readonly struct StringOperands
{
    public StringOperands(ref readonly Instruction instruction)
    {
        (Kind, Size) = instruction.Code switch
        {
            Code.Movsb_m8_m8 => (StringKind.Move, 1),
            Code.Movsw_m16_m16 => (StringKind.Move, 2),
            Code.Movsd_m32_m32 => (StringKind.Move, 4),
            Code.Movsq_m64_m64 => (StringKind.Move, 8),
            Code.Stosb_m8_AL => (StringKind.Store, 1),
            Code.Stosw_m16_AX => (StringKind.Store, 2),
            Code.Stosd_m32_EAX => (StringKind.Store, 4),
            Code.Stosq_m64_RAX => (StringKind.Store, 8),
            Code.Lodsb_AL_m8 => (StringKind.Load, 1),
            Code.Lodsw_AX_m16 => (StringKind.Load, 2),
            Code.Lodsd_EAX_m32 => (StringKind.Load, 4),
            Code.Lodsq_RAX_m64 => (StringKind.Load, 8),
            Code.Cmpsb_m8_m8 => (StringKind.Compare, 1),
            Code.Cmpsw_m16_m16 => (StringKind.Compare, 2),
            Code.Cmpsd_m32_m32 => (StringKind.Compare, 4),
            Code.Cmpsq_m64_m64 => (StringKind.Compare, 8),
            Code.Scasb_AL_m8 => (StringKind.Scan, 1),
            Code.Scasw_AX_m16 => (StringKind.Scan, 2),
            Code.Scasd_EAX_m32 => (StringKind.Scan, 4),
            Code.Scasq_RAX_m64 => (StringKind.Scan, 8),
            _ => throw new ArgumentOutOfRangeException(nameof(instruction), instruction.Code, null),
        };
        var wide = true;
        for (var operand = 0; operand < instruction.OpCount; operand++)
            wide &= instruction.GetOpKind(operand) is not (OpKind.MemoryESEDI or OpKind.MemorySegESI);
        Source = wide ? Register.RSI : Register.ESI;
        Destination = wide ? Register.RDI : Register.EDI;
        Count = wide ? Register.RCX : Register.ECX;
        Accumulator = Size switch
        {
            1 => Register.AL,
            2 => Register.AX,
            4 => Register.EAX,
            _ => Register.RAX,
        };
    }

    public StringKind Kind { get; }

    public int Size { get; }

    public Register Source { get; }

    public Register Destination { get; }

    public Register Count { get; }

    public Register Accumulator { get; }

    public bool Compares => Kind is StringKind.Compare or StringKind.Scan;
}
