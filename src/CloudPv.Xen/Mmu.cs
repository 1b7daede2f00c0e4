using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>struct mmu_update: xen/include/public/xen.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct MmuUpdateRequest
{
    /// <summary>Machine address of the entry; its low 3 bits are a <see cref="MmuUpdateCommand"/>.</summary>
    [FieldOffset(0)] public ulong Ptr;
    [FieldOffset(8)] public ulong Val;
}

/// <summary>MMU_*: xen/include/public/xen.h.</summary>
public enum MmuUpdateCommand
{
    NormalPtUpdate = 0,
    MachphysUpdate = 1,
    PtUpdatePreserveAd = 2,
    PtUpdateNoTranslate = 3,
}

/// <summary>struct mmuext_op: xen/include/public/xen.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct MmuextOperation
{
    [FieldOffset(0)] public MmuextCommand Cmd;

    /// <summary>arg1.mfn.</summary>
    [FieldOffset(8)] public ulong Mfn;

    /// <summary>arg1.linear_addr.</summary>
    [FieldOffset(8)] public ulong LinearAddr;

    /// <summary>arg2.nr_ents.</summary>
    [FieldOffset(16)] public uint NrEnts;

    /// <summary>arg2.vcpumask: linear address of a bitmap of vCPUs.</summary>
    [FieldOffset(16)] public ulong Vcpumask;

    /// <summary>arg2.src_mfn.</summary>
    [FieldOffset(16)] public ulong SrcMfn;
}

/// <summary>MMUEXT_*: xen/include/public/xen.h.</summary>
public enum MmuextCommand : uint
{
    PinL1Table = 0,
    PinL2Table = 1,
    PinL3Table = 2,
    PinL4Table = 3,
    UnpinTable = 4,
    NewBaseptr = 5,
    TlbFlushLocal = 6,
    InvlpgLocal = 7,
    TlbFlushMulti = 8,
    InvlpgMulti = 9,
    TlbFlushAll = 10,
    InvlpgAll = 11,
    FlushCache = 12,
    SetLdt = 13,
    NewUserBaseptr = 15,
    ClearPage = 16,
    CopyPage = 17,
    FlushCacheGlobal = 18,
    MarkSuper = 19,
    UnmarkSuper = 20,
}

/// <summary>UVMF_*: the flags of update_va_mapping, xen/include/public/xen.h.</summary>
public static class UvmFlags
{
    public const ulong None = 0;
    public const ulong TlbFlush = 1;
    public const ulong Invlpg = 2;
    public const ulong FlushTypeMask = 3;

    /// <summary>The remaining bits are the linear address of a bitmap of vCPUs, or one of these.</summary>
    public const ulong Multi = 0;
    public const ulong Local = 0;
    public const ulong All = 4;
}
