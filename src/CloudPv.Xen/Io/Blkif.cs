namespace CloudPv.Xen.Io;

/// <summary>BLKIF_OP_*: xen/include/public/io/blkif.h.</summary>
public enum BlkifOperation : byte
{
    Read = 0,
    Write = 1,
    WriteBarrier = 2,
    FlushDiskcache = 3,
    Discard = 5,
    Indirect = 6,
}

/// <summary>BLKIF_RSP_*.</summary>
public enum BlkifStatus : short
{
    Okay = 0,
    Error = -1,
    NotSupported = -2,
}

/// <summary>VDISK_*: the bits of a backend's <c>info</c> key.</summary>
[Flags]
public enum VdiskInfo
{
    None = 0,
    Cdrom = 1,
    Removable = 2,
    ReadOnly = 4,
}

/// <summary>Numbers of xen/include/public/io/blkif.h.</summary>
public static class Blkif
{
    public const int SectorSize = 512;

    /// <summary>BLKIF_MAX_SEGMENTS_PER_REQUEST.</summary>
    public const int MaxSegments = 11;

    /// <summary>BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST.</summary>
    public const int MaxIndirectPages = 8;

    /// <summary>sizeof(struct blkif_request_segment): gref, first_sect, last_sect, two bytes of padding.</summary>
    public const int SegmentSize = 8;
    public const int SegmentsPerIndirectPage = 4096 / SegmentSize;

    /// <summary>sizeof(struct blkif_response) up to its padding: id, operation, status.</summary>
    public const int ResponseSize = 12;
    public const int ResponseOperation = 8;
    public const int ResponseStatus = 10;

    /// <summary>BLKIF_DISCARD_SECURE.</summary>
    public const byte DiscardSecure = 1;
}

/// <summary>Where the fields of a blkif request stand: i386 aligns 64-bit fields to 4 bytes, x86-64 to 8. Byte offsets in a ring slot.
/// operation stands at 0; nr_segments, flag or indirect_op at 1; an indirect request's 16-bit nr_segments at 2.</summary>
/// <param name="Name">The frontend's <c>protocol</c> key (xen/include/public/io/protocols.h).</param>
/// <param name="SlotSize">sizeof(union blkif_sring_entry).</param>
public sealed record BlkifAbi(
    string Name, int SlotSize, int Id, int SectorNumber, int Segments, int DiscardSectors, int IndirectHandle, int IndirectGrefs)
{
    public static readonly BlkifAbi X86_64 = new("x86_64-abi", SlotSize: 112, Id: 8, SectorNumber: 16, Segments: 24, DiscardSectors: 24, IndirectHandle: 24, IndirectGrefs: 28);
    public static readonly BlkifAbi X86_32 = new("x86_32-abi", SlotSize: 108, Id: 4, SectorNumber: 12, Segments: 20, DiscardSectors: 20, IndirectHandle: 20, IndirectGrefs: 24);

    /// <summary>The layout that a frontend's <c>protocol</c> key names; without the key the backend's own. Null: unknown.</summary>
    public static BlkifAbi? ByProtocol(string? protocol) => protocol switch
    {
        null or "" or "x86_64-abi" => X86_64,
        "x86_32-abi" => X86_32,
        _ => null,
    };
}
