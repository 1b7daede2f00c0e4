using System.Buffers.Binary;

namespace CloudPv.Dom0.Net;

/// <summary>
/// A frame in a byte stream between a domain's process and its host's switch: length (u32), checksum state (u8), zero (u8), segment size (u16),
/// all little-endian; then the frame, padded with zeros to a multiple of eight.
/// </summary>
public static class FrameRecord
{
    public const int HeaderLength = 8;
    public const int MaxLength = HeaderLength + ((Frame.MaxLength + 7) & ~7);

    public static int LengthOf(in Frame frame) => HeaderLength + ((frame.Bytes.Length + 7) & ~7);

    public static void Write(Span<byte> buffer, in Frame frame)
    {
        BinaryPrimitives.WriteInt32LittleEndian(buffer, frame.Bytes.Length);
        buffer[4] = (byte)frame.Offload.Checksum;
        buffer[5] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(buffer[6..], frame.Offload.SegmentSize);
        frame.Bytes.CopyTo(buffer[HeaderLength..]);
        buffer[(HeaderLength + frame.Bytes.Length)..LengthOf(frame)].Clear();
    }

    /// <summary>Reads a record that <see cref="Write"/> made in this process.</summary>
    public static Frame Read(ReadOnlySpan<byte> buffer) =>
        new(
            buffer.Slice(HeaderLength, BinaryPrimitives.ReadInt32LittleEndian(buffer)),
            new Offload((ChecksumState)buffer[4], BinaryPrimitives.ReadUInt16LittleEndian(buffer[6..])));

    /// <summary>Reads a record from another process.</summary>
    /// <param name="length">Of the record; 0 while it isn't whole.</param>
    /// <returns>False: the peer doesn't keep to the format.</returns>
    public static bool TryRead(ReadOnlySpan<byte> received, out Frame frame, out int length)
    {
        frame = default;
        length = 0;
        if (received.Length < HeaderLength)
            return true;
        var size = BinaryPrimitives.ReadInt32LittleEndian(received);
        if (size is < Frame.EthernetHeaderLength or > Frame.MaxLength || received[4] > (byte)ChecksumState.Blank)
            return false;
        var whole = HeaderLength + ((size + 7) & ~7);
        if (received.Length < whole)
            return true;
        length = whole;
        frame = Read(received);
        return true;
    }
}
