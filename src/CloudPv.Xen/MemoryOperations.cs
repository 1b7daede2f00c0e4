using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>XENMEM_*: the commands of memory_op, xen/include/public/memory.h.</summary>
public enum MemoryCommand
{
    IncreaseReservation = 0,
    DecreaseReservation = 1,
    MaximumRamPage = 2,
    CurrentReservation = 3,
    MaximumReservation = 4,
    MachphysMfnList = 5,
    PopulatePhysmap = 6,
    AddToPhysmap = 7,
    MemoryMap = 9,
    MachineMemoryMap = 10,
    Exchange = 11,
    MachphysMapping = 12,
    SetMemoryMap = 13,
    MaximumGpfn = 14,
    RemoveFromPhysmap = 15,
    SetPodTarget = 16,
    GetPodTarget = 17,
    GetSharingFreedPages = 18,
    GetSharingSharedPages = 19,
    PagingOp = 20,
    AccessOp = 21,
    SharingOp = 22,
    AddToPhysmapBatch = 23,
    ClaimPages = 24,
    MachphysCompatMfnList = 25,
    GetVnumainfo = 26,
    ReservedDeviceMemoryMap = 27,
    AcquireResource = 28,
}

/// <summary>struct xen_memory_reservation: xen/include/public/memory.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct MemoryReservation
{
    /// <summary>XENMEMF_populate_on_demand.</summary>
    public const uint PopulateOnDemand = 1 << 16;

    /// <summary>Linear address of the list of extents (8-byte frame numbers).</summary>
    [FieldOffset(0)] public ulong ExtentStart;
    [FieldOffset(8)] public ulong NrExtents;

    /// <summary>Each extent is 2^order pages.</summary>
    [FieldOffset(16)] public uint ExtentOrder;
    [FieldOffset(20)] public uint MemFlags;
    [FieldOffset(24)] public ushort Domid;
}

/// <summary>struct xen_memory_exchange: xen/include/public/memory.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
public struct MemoryExchangeArguments
{
    [FieldOffset(0)] public MemoryReservation In;
    [FieldOffset(32)] public MemoryReservation Out;
    [FieldOffset(64)] public ulong NrExchanged;
}

/// <summary>struct xen_machphys_mfn_list: xen/include/public/memory.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct MachphysMfnList
{
    [FieldOffset(0)] public uint MaxExtents;
    [FieldOffset(8)] public ulong ExtentStart;
    [FieldOffset(16)] public uint NrExtents;
}

/// <summary>struct xen_machphys_mapping: xen/include/public/memory.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct MachphysMapping
{
    [FieldOffset(0)] public ulong VStart;
    [FieldOffset(8)] public ulong VEnd;
    [FieldOffset(16)] public ulong MaxMfn;
}

/// <summary>struct xen_memory_map: xen/include/public/memory.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct MemoryMap
{
    [FieldOffset(0)] public uint NrEntries;

    /// <summary>Linear address of room for that many <see cref="E820Entry"/>.</summary>
    [FieldOffset(8)] public ulong Buffer;
}

/// <summary>struct xen_foreign_memory_map: xen/include/public/memory.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct ForeignMemoryMap
{
    [FieldOffset(0)] public ushort Domid;
    [FieldOffset(8)] public MemoryMap Map;
}

/// <summary>An entry of the BIOS's INT 15h, AX=E820h (struct e820entry; packed, 20 bytes).</summary>
[StructLayout(LayoutKind.Explicit, Size = 20, Pack = 4)]
public struct E820Entry
{
    public const uint Ram = 1;

    [FieldOffset(0)] public ulong Addr;
    [FieldOffset(8)] public ulong Size;
    [FieldOffset(16)] public uint Type;
}
