using System.Buffers.Binary;
using System.Net;

namespace CloudPv.Dom0.Net;

/// <summary>UDP over IPv4 over Ethernet, as the host's own services read and write it.</summary>
public static class UdpFrame
{
    private const int V4HeaderLength = 20, UdpHeaderLength = 8;
    private const int HeadersLength = Frame.EthernetHeaderLength + V4HeaderLength + UdpHeaderLength;

    /// <summary>Takes a datagram to a port out of a frame; false: it is something else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, ushort destinationPort, out IPAddress source, out ReadOnlySpan<byte> payload)
    {
        source = IPAddress.Any;
        payload = default;
        if (!TransportHeader.TryFind(frame, out var header) || header.IsV6 || header.Protocol != TransportHeader.Udp
            || BinaryPrimitives.ReadUInt16BigEndian(frame[(header.Offset + 2)..]) != destinationPort)
            return false;
        source = new IPAddress(frame.Slice(header.NetworkOffset + 12, 4));
        payload = frame[(header.Offset + UdpHeaderLength)..header.End];
        return true;
    }

    public static byte[] Write(UdpEndpoint from, UdpEndpoint to, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[HeadersLength + payload.Length];
        to.Mac.Write(frame);
        from.Mac.Write(frame.AsSpan(MacAddress.Length));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0800);

        var network = frame.AsSpan(Frame.EthernetHeaderLength);
        network[0] = 0x45; // version 4, five words of header
        BinaryPrimitives.WriteUInt16BigEndian(network[2..], (ushort)network.Length);
        network[8] = 64; // time to live
        network[9] = TransportHeader.Udp;
        from.Address.TryWriteBytes(network[12..], out _);
        to.Address.TryWriteBytes(network[16..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(network[10..], InternetChecksum.Finish(InternetChecksum.Add(0, network[..V4HeaderLength])));

        var udp = network[V4HeaderLength..];
        BinaryPrimitives.WriteUInt16BigEndian(udp, from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        payload.CopyTo(udp[UdpHeaderLength..]);
        ChecksumFiller.TryFill(frame);
        return frame;
    }
}

/// <summary>One end of a datagram's way.</summary>
public readonly record struct UdpEndpoint(MacAddress Mac, IPAddress Address, ushort Port);
