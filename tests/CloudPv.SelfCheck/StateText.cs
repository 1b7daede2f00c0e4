using System.Text;
using CloudPv.X86;

namespace CloudPv.SelfCheck;

/// <summary>Registers for failure messages.</summary>
internal static class StateText
{
    private const int XmmRegisters = 160;
    private const int FxBytes = 416;
    private const int YmmBytes = 256;

    private static readonly string[] Names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    public static string Describe(ref CpuState state)
    {
        var text = new StringBuilder();
        for (var i = 0; i < 16; i++)
            text.Append($"{Names[i],3}={state.Registers[i]:x16}{(i % 4 == 3 ? '\n' : ' ')}");
        text.Append($"rip={state.Rip:x16} rflags={state.Rflags:x} fs={state.FsBase:x} gs={state.GsBase:x}\n");
        ReadOnlySpan<byte> fx = state.Fx;
        text.Append($"fcw={fx[1]:x2}{fx[0]:x2} fsw={fx[3]:x2}{fx[2]:x2} ftw={fx[4]:x2} mxcsr={BitConverter.ToUInt32(fx[24..]):x}\n");
        return text.ToString();
    }

    /// <summary>What differs between an expected and an actual state, apart from the flags in <paramref name="undefined"/> and, if it says so, the x87 registers; empty if nothing does.</summary>
    public static string Differences(ref CpuState expected, ref CpuState actual, ulong undefined, bool ignoreX87)
    {
        var text = new StringBuilder();
        for (var i = 0; i < 16; i++)
            Compare(text, Names[i], expected.Registers[i], actual.Registers[i]);
        Compare(text, "rip", expected.Rip, actual.Rip);
        Compare(text, "rflags", expected.Rflags & ~undefined, actual.Rflags & ~undefined);
        Compare(text, "fsbase", expected.FsBase, actual.FsBase);
        Compare(text, "gsbase", expected.GsBase, actual.GsBase);
        Compare(text, "cs", expected.Cs, actual.Cs);
        Compare(text, "ss", expected.Ss, actual.Ss);
        ReadOnlySpan<byte> left = expected.Fx;
        ReadOnlySpan<byte> right = actual.Fx;
        for (var i = ignoreX87 ? XmmRegisters : 0; i < FxBytes; i++)
        {
            if (left[i] != right[i] && !IsUnspecified(i))
                text.Append($"{FxName(i)}: expected {left[i]:x2}, is {right[i]:x2}\n");
        }

        Span<byte> upperLeft = stackalloc byte[YmmBytes];
        Span<byte> upperRight = stackalloc byte[YmmBytes];
        expected.CopyYmm(upperLeft);
        actual.CopyYmm(upperRight);
        for (var i = 0; i < YmmBytes; i++)
        {
            if (upperLeft[i] != upperRight[i])
                text.Append($"ymm{i / 16}[{16 + (i & 15)}]: expected {upperLeft[i]:x2}, is {upperRight[i]:x2}\n");
        }

        return text.ToString();
    }

    /// <summary>The last x87 instruction's opcode and pointers, which tell where code ran; MXCSR's mask; the gaps between the x87 registers.</summary>
    private static bool IsUnspecified(int offset) => offset switch
    {
        >= 5 and < 24 => true,
        >= 28 and < 32 => true,
        >= 32 and < 160 => (offset & 15) >= 10,
        _ => false,
    };

    private static string FxName(int offset) => offset switch
    {
        < 2 => "fcw",
        < 4 => "fsw",
        4 => "ftw",
        < 28 => "mxcsr",
        < 160 => $"st{(offset - 32) / 16}[{offset & 15}]",
        _ => $"xmm{(offset - 160) / 16}[{offset & 15}]",
    };

    private static void Compare(StringBuilder text, string name, ulong expected, ulong actual)
    {
        if (expected != actual)
            text.Append($"{name}: expected {expected:x}, is {actual:x}\n");
    }
}
