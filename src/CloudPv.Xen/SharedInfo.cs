using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>struct shared_info of a 64-bit guest: xen/include/public/xen.h. It fills the start of one page that the guest may write at any time.</summary>
[StructLayout(LayoutKind.Explicit, Size = 3136)]
public struct SharedInfo
{
    /// <summary>Ports of the 2-level ABI: 64 words of 64 bits.</summary>
    public const int EventWords = 64;

    [FieldOffset(0)] public LegacyVcpuInfos VcpuInfo;
    [FieldOffset(2048)] public EventWordArray EvtchnPending;
    [FieldOffset(2560)] public EventWordArray EvtchnMask;

    /// <summary>Odd while the wall-clock fields are being written.</summary>
    [FieldOffset(3072)] public uint WcVersion;

    /// <summary>Seconds since 1970-01-01 UTC at system time 0, low 32 bits.</summary>
    [FieldOffset(3076)] public uint WcSec;
    [FieldOffset(3080)] public uint WcNsec;
    [FieldOffset(3084)] public uint WcSecHi;
    [FieldOffset(3088)] public ArchSharedInfo Arch;
}

/// <summary>shared_info.vcpu_info[XEN_LEGACY_MAX_VCPUS].</summary>
[InlineArray(Length)]
public struct LegacyVcpuInfos
{
    /// <summary>XEN_LEGACY_MAX_VCPUS.</summary>
    public const int Length = 32;

    private VcpuInfo _first;
}

/// <summary>One of the two event bitmaps in shared_info.</summary>
[InlineArray(SharedInfo.EventWords)]
public struct EventWordArray
{
    private ulong _first;
}

/// <summary>struct arch_shared_info: xen/include/public/arch-x86/xen.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
public struct ArchSharedInfo
{
    [FieldOffset(0)] public ulong MaxPfn;
    [FieldOffset(8)] public ulong PfnToMfnFrameListList;
    [FieldOffset(16)] public ulong NmiReason;
    [FieldOffset(24)] public ulong P2mCr3;
    [FieldOffset(32)] public ulong P2mVaddr;
    [FieldOffset(40)] public ulong P2mGeneration;
}

/// <summary>struct vcpu_info: xen/include/public/xen.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct VcpuInfo
{
    /// <summary>Non-zero: an unmasked event is pending on this vCPU.</summary>
    [FieldOffset(0)] public byte EvtchnUpcallPending;

    /// <summary>Non-zero: no upcalls (the guest's virtual interrupt flag, inverted).</summary>
    [FieldOffset(1)] public byte EvtchnUpcallMask;

    /// <summary>Both of the above as one little-endian word, for atomic changes.</summary>
    [FieldOffset(0)] public uint UpcallWord;

    /// <summary>A bit per word of evtchn_pending that has something pending.</summary>
    [FieldOffset(8)] public ulong EvtchnPendingSel;

    /// <summary>arch.cr2: the address of the last page fault.</summary>
    [FieldOffset(16)] public ulong Cr2;
    [FieldOffset(32)] public VcpuTimeInfo Time;
}

/// <summary>struct vcpu_time_info: xen/include/public/xen.h.
/// System time in ns = <see cref="SystemTime"/> + (((tsc - <see cref="TscTimestamp"/>) shifted left by <see cref="TscShift"/>) * <see cref="TscToSystemMul"/> >> 32).</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct VcpuTimeInfo
{
    /// <summary>XEN_PVCLOCK_TSC_STABLE_BIT: the clocks of all vCPUs agree.</summary>
    public const byte TscStableBit = 1 << 0;

    /// <summary>Odd while the other fields are being written.</summary>
    [FieldOffset(0)] public uint Version;
    [FieldOffset(8)] public ulong TscTimestamp;
    [FieldOffset(16)] public ulong SystemTime;
    [FieldOffset(24)] public uint TscToSystemMul;
    [FieldOffset(28)] public sbyte TscShift;
    [FieldOffset(29)] public byte Flags;
}
