namespace CloudPv.X86;

/// <summary>The parts of an instruction in legacy encoding (SDM vol. 2, 2.1), found in its bytes. Segment and address-size prefixes are left out: no host operand needs them.</summary>
internal readonly unsafe ref struct LegacyEncoding
{
    public LegacyEncoding(byte* start, int length, bool hasModRm, bool hasMemory)
    {
        var next = start;
        for (var prefixes = true; prefixes;)
        {
            switch (*next)
            {
                case 0x66:
                    OperandSize = true;
                    break;
                case 0xf2 or 0xf3:
                    Repeat = *next;
                    break;
                case 0xf0:
                    Lock = true;
                    break;
                case 0x26 or 0x2e or 0x36 or 0x3e or 0x64 or 0x65 or 0x67:
                    break;
                default:
                    prefixes = false;
                    continue;
            }

            next++;
        }

        if ((*next & 0xf0) == 0x40)
            Rex = *next++;
        Opcode = next;
        if (*next == 0x0f)
        {
            next++;
            if (*next is 0x38 or 0x3a)
                next++;
        }

        next++;
        OpcodeLength = (int)(next - Opcode);
        Reg = (Rex & 4) << 1;
        Rm = (Rex & 1) << 3;
        if (hasModRm)
        {
            var modRm = *next++;
            Reg |= (modRm >> 3) & 7;
            Rm |= modRm & 7;
            if (hasMemory)
                next += AddressLength(modRm, next);
        }

        Immediate = next;
        ImmediateLength = (int)(start + length - next);
    }

    public bool OperandSize { get; }

    /// <summary>F2 or F3, which may be part of the opcode; else 0.</summary>
    public byte Repeat { get; }

    public bool Lock { get; }

    /// <summary>The whole prefix byte; 0 where there is none.</summary>
    public int Rex { get; }

    public byte* Opcode { get; }

    public int OpcodeLength { get; }

    /// <summary>ModRM.reg with its REX bit.</summary>
    public int Reg { get; }

    /// <summary>ModRM.rm with its REX bit; without ModRM the REX bit alone.</summary>
    public int Rm { get; }

    public byte* Immediate { get; }

    public int ImmediateLength { get; }

    /// <summary>Bytes of SIB and displacement behind ModRM.</summary>
    public static int AddressLength(byte modRm, byte* behind)
    {
        var mode = modRm >> 6;
        var length = mode == 1 ? 1 : mode == 2 ? 4 : 0;
        if ((modRm & 7) == 4)
            return length + 1 + (mode == 0 && (*behind & 7) == 5 ? 4 : 0);
        return length + (mode == 0 && (modRm & 7) == 5 ? 4 : 0);
    }
}
