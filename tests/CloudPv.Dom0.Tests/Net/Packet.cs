using System.Buffers.Binary;
using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>Makes and checks packets, with sums computed the slow way.</summary>
internal static class Packet
{
    public static readonly MacAddress A = new(0x00163e000001), B = new(0x00163e000002), C = new(0x00163e000003);

    public static byte[] Ethernet(MacAddress to, MacAddress from, ushort type, params byte[] body)
    {
        var frame = new byte[14 + body.Length];
        to.Write(frame);
        from.Write(frame.AsSpan(6));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), type);
        body.CopyTo(frame, 14);
        return frame;
    }

    /// <summary>A TCP packet from A to B with PSH, FIN and CWR set and its checksum left blank.</summary>
    public static byte[] Tcp(byte[] payload, bool v6 = false, uint sequence = 1000)
    {
        var tcp = new byte[20 + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, 40000);
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(2), 80);
        BinaryPrimitives.WriteUInt32BigEndian(tcp.AsSpan(4), sequence);
        tcp[12] = 5 << 4;
        tcp[13] = 0x01 | 0x08 | 0x10 | 0x80;
        payload.CopyTo(tcp, 20);
        var ip = v6 ? V6Header(tcp.Length) : V4Header(tcp.Length, protocol: 6);
        return Ethernet(B, A, v6 ? (ushort)0x86dd : (ushort)0x0800, [.. ip, .. tcp]);
    }

    public static byte[] Udp(MacAddress to, MacAddress from, byte[] source, byte[] destination, ushort sourcePort, ushort destinationPort, byte[] payload)
    {
        var udp = new byte[8 + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), (ushort)udp.Length);
        payload.CopyTo(udp, 8);
        var ip = V4Header(udp.Length, protocol: 17);
        source.CopyTo(ip, 12);
        destination.CopyTo(ip, 16);
        SetIpChecksum(ip);
        return Ethernet(to, from, 0x0800, [.. ip, .. udp]);
    }

    public static byte[] V4Header(int payloadLength, byte protocol)
    {
        var ip = new byte[20];
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(2), (ushort)(20 + payloadLength));
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(4), 7);
        ip[8] = 64;
        ip[9] = protocol;
        new byte[] { 10, 0, 0, 16 }.CopyTo(ip, 12);
        new byte[] { 10, 0, 0, 17 }.CopyTo(ip, 16);
        SetIpChecksum(ip);
        return ip;
    }

    public static void SetIpChecksum(byte[] ip)
    {
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(10), 0);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(10), (ushort)~SlowSum(ip));
    }

    /// <summary>RFC 1071 by its letter.</summary>
    public static ushort SlowSum(params byte[][] parts)
    {
        uint sum = 0;
        foreach (var part in parts)
        {
            for (var i = 0; i < part.Length; i += 2)
                sum += (uint)((part[i] << 8) | (i + 1 < part.Length ? part[i + 1] : 0));
        }

        while (sum > 0xffff)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)sum;
    }

    /// <summary>Checks lengths and checksums of a TCP or UDP packet, and gives its TCP or UDP part.</summary>
    public static byte[] ShouldBeValid(byte[] frame)
    {
        var v6 = frame[14] >> 4 == 6;
        var ip = frame[14..(v6 ? 54 : 34)];
        var transport = frame[(v6 ? 54 : 34)..];
        if (!v6)
            SlowSum(ip).ShouldBe((ushort)0xffff, "IP header checksum");
        BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(v6 ? 4 : 2)).ShouldBe((ushort)(transport.Length + (v6 ? 0 : 20)), "IP length");
        var pseudo = v6 ? ip[8..40] : ip[12..20];
        byte[] tail = [0, v6 ? ip[6] : ip[9], (byte)(transport.Length >> 8), (byte)transport.Length];
        SlowSum(pseudo, tail, transport).ShouldBe((ushort)0xffff, "transport checksum");
        return transport;
    }

    private static byte[] V6Header(int payloadLength)
    {
        var ip = new byte[40];
        ip[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(4), (ushort)payloadLength);
        ip[6] = 6;
        ip[7] = 64;
        ip[23] = 1;
        ip[39] = 2;
        return ip;
    }
}
