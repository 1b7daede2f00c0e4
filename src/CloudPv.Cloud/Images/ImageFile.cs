namespace CloudPv.Cloud;

/// <summary>A file that images share by content; it lies in the data folder under its checksum.</summary>
public sealed class ImageFile
{
    /// <summary>SHA-256 of the content, 64 lower-case hex digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Bytes.</summary>
    public required long Size { get; init; }

    /// <summary><c>kernel</c>, <c>ramdisk</c> or <c>disk</c>.</summary>
    public required string Kind { get; init; }

    public required string Description { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
