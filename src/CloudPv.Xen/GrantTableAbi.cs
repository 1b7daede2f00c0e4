using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>GTF_*: xen/include/public/grant_table.h.</summary>
public static class GrantFlags
{
    public const ushort TypeMask = 3;
    public const ushort Invalid = 0;
    public const ushort PermitAccess = 1;
    public const ushort AcceptTransfer = 2;
    public const ushort Transitive = 3;
    public const ushort ReadOnly = 1 << 2;
    public const ushort Reading = 1 << 3;
    public const ushort Writing = 1 << 4;
    public const ushort SubPage = 1 << 8;

    /// <summary>With <see cref="AcceptTransfer"/>.</summary>
    public const ushort TransferCommitted = 1 << 2;
    public const ushort TransferCompleted = 1 << 3;
}

/// <summary>struct grant_entry_v1: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct GrantEntryV1
{
    [FieldOffset(0)] public ushort Flags;
    [FieldOffset(2)] public ushort Domid;
    [FieldOffset(4)] public uint Frame;

    /// <summary>Flags and domid as one word, for atomic changes.</summary>
    [FieldOffset(0)] public uint Header;
}

/// <summary>union grant_entry_v2: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct GrantEntryV2
{
    [FieldOffset(0)] public ushort Flags;
    [FieldOffset(2)] public ushort Domid;

    /// <summary>Flags and domid as one word, for atomic changes.</summary>
    [FieldOffset(0)] public uint Header;

    /// <summary>sub_page.page_off and sub_page.length.</summary>
    [FieldOffset(4)] public ushort PageOff;
    [FieldOffset(6)] public ushort Length;

    /// <summary>transitive.trans_domid.</summary>
    [FieldOffset(4)] public ushort TransDomid;

    /// <summary>full_page.frame and sub_page.frame.</summary>
    [FieldOffset(8)] public ulong Frame;

    /// <summary>transitive.gref.</summary>
    [FieldOffset(8)] public uint TransGref;
}

/// <summary>GNTTABOP_*: xen/include/public/grant_table.h.</summary>
public enum GrantTableOpCommand : uint
{
    MapGrantRef = 0,
    UnmapGrantRef = 1,
    SetupTable = 2,
    DumpTable = 3,
    Transfer = 4,
    Copy = 5,
    QuerySize = 6,
    UnmapAndReplace = 7,
    SetVersion = 8,
    GetStatusFrames = 9,
    GetVersion = 10,
    SwapGrantRef = 11,
    CacheFlush = 12,
}

/// <summary>struct gnttab_setup_table: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct GnttabSetupTable
{
    [FieldOffset(0)] public ushort Dom;
    [FieldOffset(4)] public uint NrFrames;
    [FieldOffset(8)] public GrantStatus Status;

    /// <summary>Address of the list of frame numbers (uint64 each).</summary>
    [FieldOffset(16)] public ulong FrameList;
}

/// <summary>struct gnttab_query_size: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct GnttabQuerySize
{
    [FieldOffset(0)] public ushort Dom;
    [FieldOffset(4)] public uint NrFrames;
    [FieldOffset(8)] public uint MaxNrFrames;
    [FieldOffset(12)] public GrantStatus Status;
}

/// <summary>struct gnttab_get_status_frames: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct GnttabGetStatusFrames
{
    [FieldOffset(0)] public uint NrFrames;
    [FieldOffset(4)] public ushort Dom;
    [FieldOffset(6)] public GrantStatus Status;

    /// <summary>Address of the list of frame numbers (uint64 each).</summary>
    [FieldOffset(8)] public ulong FrameList;
}

/// <summary>struct gnttab_get_version: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct GnttabGetVersion
{
    [FieldOffset(0)] public ushort Dom;
    [FieldOffset(4)] public uint Version;
}

/// <summary>struct gnttab_map_grant_ref: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct GnttabMapGrantRef
{
    /// <summary>GNTMAP_device_map.</summary>
    public const uint DeviceMap = 1 << 0;

    /// <summary>GNTMAP_host_map.</summary>
    public const uint HostMap = 1 << 1;

    /// <summary>GNTMAP_readonly.</summary>
    public const uint ReadOnly = 1 << 2;

    /// <summary>GNTMAP_application_map.</summary>
    public const uint ApplicationMap = 1 << 3;

    /// <summary>GNTMAP_contains_pte.</summary>
    public const uint ContainsPte = 1 << 4;

    [FieldOffset(0)] public ulong HostAddr;
    [FieldOffset(8)] public uint Flags;
    [FieldOffset(12)] public uint Ref;
    [FieldOffset(16)] public ushort Dom;
    [FieldOffset(18)] public GrantStatus Status;
    [FieldOffset(20)] public uint Handle;
    [FieldOffset(24)] public ulong DevBusAddr;
}

/// <summary>struct gnttab_unmap_grant_ref: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct GnttabUnmapGrantRef
{
    [FieldOffset(0)] public ulong HostAddr;
    [FieldOffset(8)] public ulong DevBusAddr;
    [FieldOffset(16)] public uint Handle;
    [FieldOffset(20)] public GrantStatus Status;
}

/// <summary>struct gnttab_unmap_and_replace: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct GnttabUnmapAndReplace
{
    [FieldOffset(0)] public ulong HostAddr;
    [FieldOffset(8)] public ulong NewAddr;
    [FieldOffset(16)] public uint Handle;
    [FieldOffset(20)] public GrantStatus Status;
}

/// <summary>struct gnttab_transfer: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct GnttabTransfer
{
    [FieldOffset(0)] public ulong Mfn;
    [FieldOffset(8)] public ushort Domid;
    [FieldOffset(12)] public uint Ref;
    [FieldOffset(16)] public GrantStatus Status;
}

/// <summary>struct gnttab_copy: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct GnttabCopy
{
    /// <summary>GNTCOPY_source_gref.</summary>
    public const ushort SourceGref = 1 << 0;

    /// <summary>GNTCOPY_dest_gref.</summary>
    public const ushort DestGref = 1 << 1;

    [FieldOffset(0)] public GnttabCopyPointer Source;
    [FieldOffset(16)] public GnttabCopyPointer Dest;
    [FieldOffset(32)] public ushort Len;
    [FieldOffset(34)] public ushort Flags;
    [FieldOffset(36)] public GrantStatus Status;
}

/// <summary>struct gnttab_copy_ptr: xen/include/public/grant_table.h. One end of a copy.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct GnttabCopyPointer
{
    [FieldOffset(0)] public uint Ref;
    [FieldOffset(0)] public ulong Gmfn;
    [FieldOffset(8)] public ushort Domid;
    [FieldOffset(10)] public ushort Offset;
}

/// <summary>struct gnttab_swap_grant_ref: xen/include/public/grant_table.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct GnttabSwapGrantRef
{
    [FieldOffset(0)] public uint RefA;
    [FieldOffset(4)] public uint RefB;
    [FieldOffset(8)] public GrantStatus Status;
}
