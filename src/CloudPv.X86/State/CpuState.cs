using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>The architectural state of one CPU between two runs. Its memory is the translated code's own context, so a change is seen at once.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CpuState
{
    /// <summary>The general registers in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15.</summary>
    public GeneralRegisters Registers;

    public ulong Rip;

    /// <summary>RFLAGS as guest code sees it: IF reads 1 (CPL 3, IOPL 0), bit 1 is 1.</summary>
    public ulong Rflags;

    public ulong FsBase;
    public ulong GsBase;

    public ushort Cs;
    public ushort Ss;
    public ushort Ds;
    public ushort Es;
    public ushort Fs;
    public ushort Gs;

    /// <summary>Keeps <see cref="Fx"/> at a multiple of 16, as FXSAVE demands.</summary>
    private readonly uint _padding;

    /// <summary>The x87 and SSE state in FXSAVE64 layout (SDM vol. 1, 10.5.1): 512 bytes.</summary>
    public FxState Fx;

    /// <summary>The upper halves of the YMM registers. Only good where <see cref="YmmInUse"/> says so.</summary>
    public YmmState Ymm;

    /// <summary>XCR0 (SDM vol. 1, 13.3), or 0 while CR4.OSXSAVE is clear. Changed through <see cref="Cpu.SetExtendedStates"/>.</summary>
    public ulong Xcr0;

    /// <summary>0: all upper halves of the YMM registers are 0, whatever <see cref="Ymm"/> holds.</summary>
    public uint YmmInUse;

    private readonly uint _morePadding;

    /// <summary>The upper halves of the YMM registers, whether in use or 0: 256 bytes.</summary>
    public readonly void CopyYmm(Span<byte> destination)
    {
        if (YmmInUse != 0)
            ((ReadOnlySpan<byte>)Ymm).CopyTo(destination);
        else
            destination[..ExtendedStateImage.YmmSize].Clear();
    }

    [UnscopedRef] public ref ulong Rax => ref Registers[0];
    [UnscopedRef] public ref ulong Rcx => ref Registers[1];
    [UnscopedRef] public ref ulong Rdx => ref Registers[2];
    [UnscopedRef] public ref ulong Rbx => ref Registers[3];
    [UnscopedRef] public ref ulong Rsp => ref Registers[4];
    [UnscopedRef] public ref ulong Rbp => ref Registers[5];
    [UnscopedRef] public ref ulong Rsi => ref Registers[6];
    [UnscopedRef] public ref ulong Rdi => ref Registers[7];
    [UnscopedRef] public ref ulong R8 => ref Registers[8];
    [UnscopedRef] public ref ulong R9 => ref Registers[9];
    [UnscopedRef] public ref ulong R10 => ref Registers[10];
    [UnscopedRef] public ref ulong R11 => ref Registers[11];
    [UnscopedRef] public ref ulong R12 => ref Registers[12];
    [UnscopedRef] public ref ulong R13 => ref Registers[13];
    [UnscopedRef] public ref ulong R14 => ref Registers[14];
    [UnscopedRef] public ref ulong R15 => ref Registers[15];
}

/// <summary>Sixteen 64-bit general registers in encoding order.</summary>
[InlineArray(16)]
public struct GeneralRegisters
{
    private ulong _register;
}

/// <summary>An FXSAVE64 image.</summary>
[InlineArray(512)]
public struct FxState
{
    private byte _byte;
}

/// <summary>The upper halves of sixteen YMM registers, as they stand in an XSAVE image (SDM vol. 1, 13.5.2).</summary>
[InlineArray(256)]
public struct YmmState
{
    private byte _byte;
}
