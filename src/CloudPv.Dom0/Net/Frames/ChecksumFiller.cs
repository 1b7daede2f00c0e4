using System.Buffers.Binary;

namespace CloudPv.Dom0.Net;

/// <summary>Fills in what a sender with checksum offload left blank.</summary>
public static class ChecksumFiller
{
    /// <summary>Computes the TCP or UDP checksum of a frame in place.</summary>
    /// <returns>False where the frame has no such header: then nothing was changed.</returns>
    public static bool TryFill(Span<byte> frame)
    {
        if (!TransportHeader.TryFind(frame, out var header))
            return false;
        var field = frame.Slice(header.ChecksumOffset, sizeof(ushort));
        field.Clear();
        var transport = frame[header.Offset..header.End];
        var sum = InternetChecksum.Finish(InternetChecksum.Add(header.PseudoHeaderSum(frame, transport.Length), transport));
        // In UDP a zero says that there is no checksum; all ones is the same number (RFC 768).
        BinaryPrimitives.WriteUInt16BigEndian(field, sum == 0 && header.Protocol == TransportHeader.Udp ? (ushort)0xffff : sum);
        return true;
    }

    /// <summary>Takes a complete checksum back to what a sender with offload leaves: the sum of the pseudo-header.</summary>
    public static void Blank(Span<byte> frame)
    {
        if (TransportHeader.TryFind(frame, out var header))
            BinaryPrimitives.WriteUInt16BigEndian(frame[header.ChecksumOffset..], InternetChecksum.Fold(header.PseudoHeaderSum(frame, header.End - header.Offset)));
    }
}
