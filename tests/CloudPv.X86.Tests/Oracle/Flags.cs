using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>What instructions do with the status flags, by Iced's tables.</summary>
internal static class Flags
{
    public const ulong Status = 0x8d5;

    /// <summary>The status flags that an instruction leaves undefined (Intel SDM).</summary>
    public static ulong Undefined(in Instruction instruction) => ToRflags(instruction.RflagsUndefined);

    public static ulong Read(in Instruction instruction) => ToRflags(instruction.RflagsRead);

    /// <summary>Those that it gives a value in any case: a shift by 0 gives none, nor a comparison repeated 0 times.</summary>
    public static ulong Defined(in Instruction instruction)
    {
        var shifts = instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr
            or Mnemonic.Shld or Mnemonic.Shrd;
        return shifts || instruction.HasRepPrefix || instruction.HasRepnePrefix ? 0 : ToRflags(instruction.RflagsWritten | instruction.RflagsCleared | instruction.RflagsSet);
    }

    private static ulong ToRflags(RflagsBits bits) =>
        (bits.HasFlag(RflagsBits.CF) ? 1ul : 0)
        | (bits.HasFlag(RflagsBits.PF) ? 4ul : 0)
        | (bits.HasFlag(RflagsBits.AF) ? 0x10ul : 0)
        | (bits.HasFlag(RflagsBits.ZF) ? 0x40ul : 0)
        | (bits.HasFlag(RflagsBits.SF) ? 0x80ul : 0)
        | (bits.HasFlag(RflagsBits.OF) ? 0x800ul : 0);
}
