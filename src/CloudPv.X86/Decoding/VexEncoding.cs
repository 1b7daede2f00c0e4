namespace CloudPv.X86;

/// <summary>The parts of an instruction in VEX encoding (SDM vol. 2, 2.3), found in its bytes. Segment and address-size prefixes are left out: no host operand needs them.</summary>
internal readonly unsafe ref struct VexEncoding
{
    public const byte ThreeBytes = 0xc4;
    public const byte TwoBytes = 0xc5;

    private const int Inverted = 0xf;

    public VexEncoding(byte* start, int length, bool hasMemory)
    {
        var next = start;
        while (*next is not (ThreeBytes or TwoBytes))
            next++;
        Start = next;
        if (*next++ == ThreeBytes)
        {
            Reg = (~*next >> 7 & 1) << 3;
            Rm = (~*next >> 5 & 1) << 3;
            Map = *next++ & 0x1f;
            Wide = *next >> 7 != 0;
        }
        else
        {
            Reg = (~*next >> 7 & 1) << 3;
            Map = 1;
        }

        Vvvv = (*next >> 3 & 15) ^ Inverted;
        LengthAndPrefix = *next++ & 7;
        Opcode = *next++;
        ModRm = *next++;
        Reg |= ModRm >> 3 & 7;
        Rm |= ModRm & 7;
        if (hasMemory)
            next += LegacyEncoding.AddressLength(ModRm, next);
        Immediate = next;
        ImmediateLength = (int)(start + length - next);
    }

    /// <summary>The first byte of the VEX prefix.</summary>
    public byte* Start { get; }

    /// <summary>Which opcodes: 1 stands for those behind 0F, 2 for 0F38, 3 for 0F3A.</summary>
    public int Map { get; }

    /// <summary>VEX.W.</summary>
    public bool Wide { get; }

    /// <summary>VEX.L and VEX.pp, as they stand in the prefix.</summary>
    public int LengthAndPrefix { get; }

    public byte Opcode { get; }

    public byte ModRm { get; }

    /// <summary>ModRM.reg with VEX.R.</summary>
    public int Reg { get; }

    /// <summary>ModRM.rm with VEX.B.</summary>
    public int Rm { get; }

    /// <summary>The register that VEX.vvvv names; 0 where it names none.</summary>
    public int Vvvv { get; }

    public byte* Immediate { get; }

    public int ImmediateLength { get; }
}
