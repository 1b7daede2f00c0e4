namespace CloudPv.Dom0.Net;

/// <summary>An Ethernet frame without its check sequence, and the work on it that its sender left to others.</summary>
public readonly ref struct Frame(ReadOnlySpan<byte> bytes, Offload offload)
{
    /// <summary>Ethernet header and an IP packet of the greatest length.</summary>
    public const int MaxLength = EthernetHeaderLength + 65535;

    public const int EthernetHeaderLength = 14;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;
    public Offload Offload { get; } = offload;

    /// <summary>Of frames with at least an Ethernet header.</summary>
    public MacAddress Destination => MacAddress.Read(Bytes);
    public MacAddress Source => MacAddress.Read(Bytes[MacAddress.Length..]);
}

/// <summary>What is still to be done to a frame before it can go to somebody who can't do it: fill in a checksum, cut it into segments.</summary>
/// <param name="Checksum">How its TCP or UDP checksum stands.</param>
/// <param name="SegmentSize">Payload bytes of the TCP segments that it must be cut into; 0: it is one frame.</param>
public readonly record struct Offload(ChecksumState Checksum, ushort SegmentSize = 0)
{
    public static readonly Offload None;
}

/// <summary>How a frame's transport checksum stands.</summary>
public enum ChecksumState : byte
{
    /// <summary>As in any frame from a wire: there, and not yet verified.</summary>
    Unverified,

    /// <summary>There, and known to be right.</summary>
    Verified,

    /// <summary>The field holds the sum of the pseudo-header alone; the data never left the machine.</summary>
    Blank,
}
