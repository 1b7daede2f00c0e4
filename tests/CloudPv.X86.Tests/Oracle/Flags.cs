using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>RFLAGS by Iced's names.</summary>
internal static class Flags
{
    public const ulong Status = 0x8d5;

    /// <summary>The status flags that an instruction leaves undefined (Intel SDM).</summary>
    public static ulong Undefined(in Instruction instruction)
    {
        var undefined = instruction.RflagsUndefined;
        return (undefined.HasFlag(RflagsBits.CF) ? 1ul : 0)
            | (undefined.HasFlag(RflagsBits.PF) ? 4ul : 0)
            | (undefined.HasFlag(RflagsBits.AF) ? 0x10ul : 0)
            | (undefined.HasFlag(RflagsBits.ZF) ? 0x40ul : 0)
            | (undefined.HasFlag(RflagsBits.SF) ? 0x80ul : 0)
            | (undefined.HasFlag(RflagsBits.OF) ? 0x800ul : 0);
    }
}
