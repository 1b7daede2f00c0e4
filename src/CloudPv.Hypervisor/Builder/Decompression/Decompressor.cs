using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.BZip2;
using ICSharpCode.SharpZipLib.Checksum;

namespace CloudPv.Hypervisor;

/// <summary>Expands one compressed image. What follows the compressed stream is ignored, as kernels append their own bytes to it.</summary>
public static class Decompressor
{
    /// <summary>Gives what the data expands to, for the caller to dispose. Throws <see cref="InvalidDataException"/> where the data is corrupt or cut short, or expands
    /// beyond <paramref name="limit"/> bytes.</summary>
    public static IMemoryOwner<byte> Expand(CompressionFormat format, ReadOnlyMemory<byte> data, int limit)
    {
        var output = new BoundedBuffer(limit);
        try
        {
            Expand(format, data, output);
            return output.Take();
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    private static void Expand(CompressionFormat format, ReadOnlyMemory<byte> data, BoundedBuffer output)
    {
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
    }

    private static void ExpandGzip(ReadOnlyMemory<byte> data, BoundedBuffer output)
    {
        using MemoryHandle pin = data.Pin();
        using var input = AsStream(pin, data.Length);
        using var gzip = new GZipStream(input, CompressionMode.Decompress);
        output.CopyFrom(gzip);

        // GZipStream checks what the stream's trailer says, but takes the end of the data for the end of the stream.
        Crc32 crc = ChecksumOf(output.Written);
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
            using MemoryHandle pin = data.Pin();
            using var input = AsStream(pin, data.Length);
            using var bzip2 = new BZip2InputStream(input);
            output.CopyFrom(bzip2);
        }
        catch (Exception e) when (e is SharpZipBaseException or IndexOutOfRangeException or IOException)
        {
            throw new InvalidDataException($"the bzip2 stream is damaged: {e.Message}", e);
        }
    }

    private static Crc32 ChecksumOf(ReadOnlySpan<byte> data)
    {
        var crc = new Crc32();
        byte[] part = new byte[64 << 10];
        for (; !data.IsEmpty; data = data[Math.Min(part.Length, data.Length)..])
        {
            int count = Math.Min(part.Length, data.Length);
            data[..count].CopyTo(part);
            crc.Update(new ArraySegment<byte>(part, 0, count));
        }
        return crc;
    }

    // SAFETY: the caller holds the pin as long as the stream.
    private static unsafe UnmanagedMemoryStream AsStream(MemoryHandle pin, int length) => new((byte*)pin.Pointer, length);
}
