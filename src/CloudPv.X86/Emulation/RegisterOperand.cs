using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Reads and writes a part of a general register by its name, with x86-64's rules: 32-bit writes clear the upper half, narrower ones keep the rest.</summary>
internal static class RegisterOperand
{
    public static ulong Read(ref CpuState state, Register register) => register switch
    {
        >= Register.AL and <= Register.BL => state.Registers[register - Register.AL] & 0xff,
        >= Register.AH and <= Register.BH => (state.Registers[register - Register.AH] >> 8) & 0xff,
        >= Register.SPL and <= Register.R15L => state.Registers[register - Register.SPL + 4] & 0xff,
        >= Register.AX and <= Register.R15W => state.Registers[register - Register.AX] & 0xffff,
        >= Register.EAX and <= Register.R15D => state.Registers[register - Register.EAX] & 0xffff_ffff,
        >= Register.RAX and <= Register.R15 => state.Registers[register - Register.RAX],
        >= Register.ES and <= Register.GS => Segment(ref state, register),
        _ => throw new ArgumentOutOfRangeException(nameof(register), register, null),
    };

    public static void Write(ref CpuState state, Register register, ulong value)
    {
        switch (register)
        {
            case >= Register.AL and <= Register.BL:
                Merge(ref state.Registers[register - Register.AL], value, 0xff);
                break;
            case >= Register.AH and <= Register.BH:
                Merge(ref state.Registers[register - Register.AH], value << 8, 0xff00);
                break;
            case >= Register.SPL and <= Register.R15L:
                Merge(ref state.Registers[register - Register.SPL + 4], value, 0xff);
                break;
            case >= Register.AX and <= Register.R15W:
                Merge(ref state.Registers[register - Register.AX], value, 0xffff);
                break;
            case >= Register.EAX and <= Register.R15D:
                state.Registers[register - Register.EAX] = (uint)value;
                break;
            case >= Register.RAX and <= Register.R15:
                state.Registers[register - Register.RAX] = value;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(register), register, null);
        }
    }

    /// <summary>The selector in a segment register.</summary>
    public static ref ushort Segment(ref CpuState state, Register register)
    {
        switch (register)
        {
            case Register.ES:
                return ref state.Es;
            case Register.CS:
                return ref state.Cs;
            case Register.SS:
                return ref state.Ss;
            case Register.DS:
                return ref state.Ds;
            case Register.FS:
                return ref state.Fs;
            case Register.GS:
                return ref state.Gs;
            default:
                throw new ArgumentOutOfRangeException(nameof(register), register, null);
        }
    }

    private static void Merge(ref ulong register, ulong value, ulong mask) => register = (register & ~mask) | (value & mask);
}
