using System.Buffers.Binary;

namespace CloudPv.Dom0.Net;

/// <summary>Where the IP and transport headers of a frame are. Every offset was checked against the frame's length.</summary>
/// <param name="IsV6">IPv6, otherwise IPv4.</param>
/// <param name="Protocol">IPPROTO_TCP or IPPROTO_UDP.</param>
/// <param name="NetworkOffset">Of the IP header.</param>
/// <param name="Offset">Of the TCP or UDP header.</param>
/// <param name="End">Of the IP packet: what follows it in the frame is padding.</param>
public readonly record struct TransportHeader(bool IsV6, byte Protocol, int NetworkOffset, int Offset, int End)
{
    public const byte Tcp = 6, Udp = 17;

    private const ushort EtherTypeV4 = 0x0800, EtherTypeV6 = 0x86dd, EtherTypeVlan = 0x8100;
    private const int VlanTagLength = 4, V4HeaderLength = 20, V6HeaderLength = 40, TcpHeaderLength = 20, UdpHeaderLength = 8;

    /// <summary>Of the checksum field.</summary>
    public int ChecksumOffset => Offset + (Protocol == Tcp ? 16 : 6);

    /// <summary>Finds the headers of a TCP or UDP packet that isn't a fragment; false: it is none, or it is cut short.</summary>
    public static bool TryFind(ReadOnlySpan<byte> frame, out TransportHeader header)
    {
        header = default;
        var network = Frame.EthernetHeaderLength;
        if (frame.Length < network)
            return false;
        var type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        if (type == EtherTypeVlan && frame.Length >= network + VlanTagLength)
        {
            type = BinaryPrimitives.ReadUInt16BigEndian(frame[16..]);
            network += VlanTagLength;
        }

        return type switch
        {
            EtherTypeV4 => TryFindV4(frame, network, out header),
            EtherTypeV6 => TryFindV6(frame, network, out header),
            _ => false,
        };
    }

    /// <summary>Sum of the pseudo-header for a packet whose transport header and data have this length.</summary>
    public ulong PseudoHeaderSum(ReadOnlySpan<byte> frame, int transportLength)
    {
        var addresses = IsV6 ? frame.Slice(NetworkOffset + 8, 32) : frame.Slice(NetworkOffset + 12, 8);
        return InternetChecksum.Add((ulong)(Protocol + (transportLength & 0xffff) + (transportLength >> 16)), addresses);
    }

    private static bool TryFindV4(ReadOnlySpan<byte> frame, int network, out TransportHeader header)
    {
        header = default;
        if (frame.Length < network + V4HeaderLength)
            return false;
        var headerLength = (frame[network] & 0xf) * 4;
        var end = network + BinaryPrimitives.ReadUInt16BigEndian(frame[(network + 2)..]);
        var fragment = BinaryPrimitives.ReadUInt16BigEndian(frame[(network + 6)..]) & 0x3fff; // offset and "more fragments"
        return frame[network] >> 4 == 4 && headerLength >= V4HeaderLength && fragment == 0
            && TryFinish(frame, isV6: false, frame[network + 9], network, network + headerLength, end, out header);
    }

    private static bool TryFindV6(ReadOnlySpan<byte> frame, int network, out TransportHeader header)
    {
        const byte hopByHop = 0, routing = 43, destinationOptions = 60;
        header = default;
        var offset = network + V6HeaderLength;
        if (frame.Length < offset || frame[network] >> 4 != 6)
            return false;
        var end = offset + BinaryPrimitives.ReadUInt16BigEndian(frame[(network + 4)..]);
        var next = frame[network + 6];
        while (next is hopByHop or routing or destinationOptions)
        {
            if (frame.Length < offset + 8)
                return false;
            next = frame[offset];
            offset += (frame[offset + 1] + 1) * 8;
        }

        return TryFinish(frame, isV6: true, next, network, offset, end, out header);
    }

    private static bool TryFinish(ReadOnlySpan<byte> frame, bool isV6, byte protocol, int network, int offset, int end, out TransportHeader header)
    {
        header = new TransportHeader(isV6, protocol, network, offset, end);
        var length = protocol switch { Tcp => TcpHeaderLength, Udp => UdpHeaderLength, _ => int.MaxValue };
        return end <= frame.Length && length <= end - offset;
    }
}
