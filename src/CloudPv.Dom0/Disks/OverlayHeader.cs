using System.Buffers.Binary;

namespace CloudPv.Dom0.Disks;

/// <summary>The first block of an overlay file: docs/disk-overlay.md.</summary>
/// <param name="Length">The disk's length in bytes.</param>
internal readonly record struct OverlayHeader(long Length)
{
    public const int Size = 4096, ClusterSize = 4096;

    private const int Version = 1;

    public static ReadOnlySpan<byte> Magic => "CPVOVLY\n"u8;

    public int ClusterCount => checked((int)((Length + ClusterSize - 1) / ClusterSize));

    public static long BitmapOffset => Size;

    /// <summary>Bytes of the bitmap, in whole blocks.</summary>
    public int BitmapSize => (((ClusterCount + 7) / 8) + Size - 1) & -Size;

    /// <summary>Where byte 0 of the disk would stand.</summary>
    public long DataOffset => BitmapOffset + BitmapSize;

    public void WriteTo(Span<byte> block)
    {
        block.Clear();
        Magic.CopyTo(block);
        BinaryPrimitives.WriteInt32LittleEndian(block[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(block[12..], ClusterSize);
        BinaryPrimitives.WriteInt64LittleEndian(block[16..], Length);
    }

    public static bool TryRead(ReadOnlySpan<byte> block, out OverlayHeader header)
    {
        header = new(BinaryPrimitives.ReadInt64LittleEndian(block[16..]));
        return block.StartsWith(Magic)
            && BinaryPrimitives.ReadInt32LittleEndian(block[8..]) == Version
            && BinaryPrimitives.ReadInt32LittleEndian(block[12..]) == ClusterSize;
    }
}
