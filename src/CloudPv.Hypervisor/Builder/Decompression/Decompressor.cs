using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.BZip2;
using ICSharpCode.SharpZipLib.Checksum;

namespace CloudPv.Hypervisor;

/// <summary>Expands one compressed image. What follows the compressed stream is ignored, as kernels append their own bytes to it.</summary>
public static class Decompressor
{
    /// <summary>Throws <see cref="InvalidDataException"/> where the data is corrupt or cut short, or expands beyond <paramref name="limit"/> bytes.</summary>
    public static ReadOnlyMemory<byte> Expand(CompressionFormat format, ReadOnlyMemory<byte> data, int limit)
    {
        var output = new BoundedBuffer(limit, ExpectedSize(data.Span));
        switch (format)
        {
            case CompressionFormat.Gzip:
                ExpandGzip(data, output);
                break;
            case CompressionFormat.Bzip2:
                ExpandBzip2(data, output);
                break;
            case CompressionFormat.Lzma:
            case CompressionFormat.Xz:
                Lzma.Expand(format, data.Span, output);
                break;
            case CompressionFormat.Lzo:
                Lzop.Expand(data.Span, output);
                break;
            case CompressionFormat.Lz4:
                Lz4Legacy.Expand(data.Span, output);
                break;
            case CompressionFormat.Zstd:
                Zstd.Expand(data.Span, output);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(format));
        }
        return output.ToMemory();
    }

    /// <summary>What a kernel's build puts behind its payload, and gzip at its end by itself; in other files it may be anything.</summary>
    private static int ExpectedSize(ReadOnlySpan<byte> data) =>
        data.Length >= sizeof(int) && BinaryPrimitives.ReadInt32LittleEndian(data[^sizeof(int)..]) is var size && size / 64 < data.Length ? size : 0;

    private static void ExpandGzip(ReadOnlyMemory<byte> data, BoundedBuffer output)
    {
        using var input = AsStream(data);
        using var gzip = new GZipStream(input, CompressionMode.Decompress);
        output.CopyFrom(gzip);

        // GZipStream checks what the stream's trailer says, but takes the end of the data for the end of the stream.
        var crc = new Crc32();
        crc.Update(output.Segment);
        Span<byte> trailer = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, (uint)crc.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], (uint)output.Length);
        if (data.Span.LastIndexOf(trailer) < 0)
            throw new InvalidDataException("the gzip stream is cut short");
    }

    private static void ExpandBzip2(ReadOnlyMemory<byte> data, BoundedBuffer output)
    {
        try
        {
            using var input = AsStream(data);
            using var bzip2 = new BZip2InputStream(input);
            output.CopyFrom(bzip2);
        }
        catch (Exception e) when (e is SharpZipBaseException or IndexOutOfRangeException or IOException)
        {
            throw new InvalidDataException($"the bzip2 stream is damaged: {e.Message}", e);
        }
    }

    private static MemoryStream AsStream(ReadOnlyMemory<byte> data) =>
        MemoryMarshal.TryGetArray(data, out ArraySegment<byte> segment)
            ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
            : new MemoryStream(data.ToArray(), writable: false);
}
