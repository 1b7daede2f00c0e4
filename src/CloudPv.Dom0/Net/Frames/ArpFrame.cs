using System.Buffers.Binary;
using System.Net;

namespace CloudPv.Dom0.Net;

/// <summary>Address resolution (RFC 826) for a service with one IPv4 address.</summary>
public static class ArpFrame
{
    private const ushort EtherType = 0x0806, Request = 1, Reply = 2;
    private const int Length = Frame.EthernetHeaderLength + 28;

    /// <summary>Hardware type Ethernet, protocol type IPv4, the lengths of either's addresses.</summary>
    private static ReadOnlySpan<byte> EthernetAndV4 => [0, 1, 8, 0, 6, 4];

    /// <summary>The answer to a frame that asks who has the address; null: it doesn't.</summary>
    public static byte[]? Answer(ReadOnlySpan<byte> frame, MacAddress mac, IPAddress address)
    {
        if (frame.Length < Length || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != EtherType)
            return null;
        var arp = frame[Frame.EthernetHeaderLength..];
        if (!arp.StartsWith(EthernetAndV4) || BinaryPrimitives.ReadUInt16BigEndian(arp[6..]) != Request || !new IPAddress(arp.Slice(24, 4)).Equals(address))
            return null;

        var answer = new byte[Length];
        arp.Slice(8, MacAddress.Length).CopyTo(answer);
        mac.Write(answer.AsSpan(MacAddress.Length));
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(12), EtherType);
        var body = answer.AsSpan(Frame.EthernetHeaderLength);
        EthernetAndV4.CopyTo(body);
        BinaryPrimitives.WriteUInt16BigEndian(body[6..], Reply);
        mac.Write(body[8..]);
        address.TryWriteBytes(body[14..], out _);
        arp.Slice(8, 10).CopyTo(body[18..]); // the asker's addresses
        return answer;
    }
}
