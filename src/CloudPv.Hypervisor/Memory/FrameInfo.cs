using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>What a frame is used as (PGT_*). A frame with type references has one type only; it can change when there are none.</summary>
internal enum FrameType : byte
{
    None,

    /// <summary>A level-1 page table, whose entries map data.</summary>
    L1,
    L2,
    L3,
    L4,

    /// <summary>A page of a GDT or LDT.</summary>
    SegmentDescriptors,

    /// <summary>Mapped writable somewhere, or writable by Xen on the guest's behalf.</summary>
    Writable,
}

[Flags]
internal enum FrameFlags : byte
{
    None = 0,

    /// <summary>The contents were checked for the type (PGT_validated).</summary>
    Validated = 1,

    /// <summary>The guest holds a type reference by MMUEXT_PIN_*_TABLE (PGT_pinned).</summary>
    Pinned = 2,

    /// <summary>Belongs to Xen and is shared with the domain (PGC_xen_heap): shared_info, grant frames.</summary>
    Xen = 4,

    /// <summary>The domain gave it back (PGC_allocated is clear): it is free as soon as its last reference is gone.</summary>
    Released = 8,

    /// <summary>Nobody's.</summary>
    Free = 16,
}

/// <summary>The bookkeeping of one frame (struct page_info). All zero: allocated to the domain in whose range it is, with no type and no references
/// but the allocation's own, so that memory that a guest never touches costs nothing here either.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct FrameInfo
{
    /// <summary>References beside the allocation's own.</summary>
    [FieldOffset(0)] public uint References;
    [FieldOffset(4)] public uint TypeReferences;

    /// <summary>While no type reference is held: the flush clock when the last one went (tlbflush_timestamp).</summary>
    [FieldOffset(8)] public uint Stamp;

    /// <summary>While it is a page table: how many other tables of its level refer to it (above 0), or how many it refers to (below 0); never both.</summary>
    [FieldOffset(8)] public int LinearUses;

    /// <summary>0: the domain in whose range it is; otherwise 1 + the number of the domain that it was transferred to.</summary>
    [FieldOffset(12)] public ushort Owner;
    [FieldOffset(14)] public FrameType Type;
    [FieldOffset(15)] public FrameFlags Flags;

    public readonly bool Has(FrameFlags flag) => (Flags & flag) != FrameFlags.None;

    public readonly bool IsPageTable => Type is >= FrameType.L1 and <= FrameType.L4;
}
