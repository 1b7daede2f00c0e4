using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>struct start_info of a 64-bit domU: xen/include/public/xen.h. Its address is in RSI at a PV kernel's entry.</summary>
[StructLayout(LayoutKind.Explicit, Size = 1168)]
public struct StartInfo
{
    /// <summary>What <see cref="Magic"/> holds for a 64-bit guest.</summary>
    public static ReadOnlySpan<byte> MagicX64 => "xen-3.0-x86_64\0"u8;

    [FieldOffset(0)] public MagicBytes Magic;

    /// <summary>Pages that the domain has.</summary>
    [FieldOffset(32)] public ulong NrPages;

    /// <summary>Machine address of shared_info.</summary>
    [FieldOffset(40)] public ulong SharedInfo;
    [FieldOffset(48)] public StartInfoFlags Flags;
    [FieldOffset(56)] public ulong StoreMfn;
    [FieldOffset(64)] public uint StoreEvtchn;
    [FieldOffset(72)] public ulong ConsoleMfn;
    [FieldOffset(80)] public uint ConsoleEvtchn;

    /// <summary>Linear address of the level-4 page table; the tables that map the kernel follow it.</summary>
    [FieldOffset(88)] public ulong PtBase;
    [FieldOffset(96)] public ulong NrPtFrames;

    /// <summary>Linear address of the p2m list: a frame number (8 bytes) a page.</summary>
    [FieldOffset(104)] public ulong MfnList;

    /// <summary>Linear address of the ramdisk, or its first pfn (<see cref="StartInfoFlags.ModStartPfn"/>).</summary>
    [FieldOffset(112)] public ulong ModStart;

    /// <summary>Length of the ramdisk in bytes.</summary>
    [FieldOffset(120)] public ulong ModLen;
    [FieldOffset(128)] public CommandLineBytes CmdLine;

    /// <summary>Where the p2m list stands outside of the kernel's mapping: its pages and those of the tables that map it.</summary>
    [FieldOffset(1152)] public ulong FirstP2mPfn;
    [FieldOffset(1160)] public ulong NrP2mFrames;

    [InlineArray(32)]
    public struct MagicBytes
    {
        private byte _first;
    }

    /// <summary>Ends with a zero.</summary>
    [InlineArray(Length)]
    public struct CommandLineBytes
    {
        /// <summary>MAX_GUEST_CMDLINE.</summary>
        public const int Length = 1024;

        private byte _first;
    }
}

/// <summary>SIF_*: xen/include/public/xen.h.</summary>
[Flags]
public enum StartInfoFlags : uint
{
    None = 0,
    Privileged = 1 << 0,
    InitDomain = 1 << 1,
    MultibootMod = 1 << 2,
    ModStartPfn = 1 << 3,
    VirtP2mForTools = 1 << 4,
}
