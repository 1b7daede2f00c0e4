namespace CloudPv.Hypervisor;

/// <summary>A compression that kernels and ramdisks come in, told by its first bytes (as Linux's own lib/decompress.c and scripts do).</summary>
public enum CompressionFormat
{
    None,
    Gzip,
    Bzip2,

    /// <summary>The .lzma ("alone") container.</summary>
    Lzma,
    Xz,

    /// <summary>The lzop container.</summary>
    Lzo,

    /// <summary>LZ4's legacy frame, which `lz4 -l` writes.</summary>
    Lz4,
    Zstd,
}

public static class CompressionFormats
{
    /// <summary>Bytes at the beginning that <see cref="Detect"/> looks at.</summary>
    public const int MagicLength = 9;

    public static CompressionFormat Detect(ReadOnlySpan<byte> data)
    {
        if (data.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
            return CompressionFormat.Gzip;
        if (data.StartsWith("BZh"u8))
            return CompressionFormat.Bzip2;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x5d, 0x00, 0x00]))
            return CompressionFormat.Lzma;
        if (data.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0x00]))
            return CompressionFormat.Xz;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'L', (byte)'Z', (byte)'O', 0x00, 0x0d, 0x0a, 0x1a, 0x0a]))
            return CompressionFormat.Lzo;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x02, 0x21, 0x4c, 0x18]))
            return CompressionFormat.Lz4;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]))
            return CompressionFormat.Zstd;
        return CompressionFormat.None;
    }
}
