using System.Buffers.Binary;
using System.Net;

namespace CloudPv.Dom0.Net;

/// <summary>A client's DHCP message, so far as a server with fixed addresses looks at it (RFC 2131).</summary>
/// <param name="Type">Discover, request and so on.</param>
/// <param name="Transaction">xid.</param>
/// <param name="WantsBroadcast">It can't take a unicast answer yet.</param>
/// <param name="ClientAddress">ciaddr: the address that it has and will answer to.</param>
/// <param name="Mac">chaddr.</param>
/// <param name="RequestedAddress">Option 50.</param>
/// <param name="Server">Option 54.</param>
public sealed record DhcpMessage(
    DhcpMessageType Type, uint Transaction, bool WantsBroadcast, IPAddress ClientAddress, MacAddress Mac, IPAddress? RequestedAddress, IPAddress? Server)
{
    private const byte BootRequest = 1, BootReply = 2;
    private const int OptionsOffset = 240;
    private const uint MagicCookie = 0x63825363;

    /// <summary>BOOTP's length without options beyond the first 64 bytes: some clients take no shorter one.</summary>
    private const int MinLength = 300;

    /// <summary>Null: no DHCP message of a client on Ethernet.</summary>
    public static DhcpMessage? TryRead(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < OptionsOffset || payload[0] != BootRequest || payload[1] != 1 || payload[2] != MacAddress.Length
            || BinaryPrimitives.ReadUInt32BigEndian(payload[236..]) != MagicCookie)
            return null;

        var options = payload[OptionsOffset..];
        if (Option(options, DhcpOption.MessageType) is not [var type])
            return null;
        return new DhcpMessage(
            (DhcpMessageType)type,
            BinaryPrimitives.ReadUInt32BigEndian(payload[4..]),
            (payload[10] & 0x80) != 0,
            new IPAddress(payload.Slice(12, 4)),
            MacAddress.Read(payload[28..]),
            AddressOption(options, DhcpOption.RequestedAddress),
            AddressOption(options, DhcpOption.ServerIdentifier));
    }

    /// <summary>A server's answer to this message.</summary>
    /// <param name="yourAddress">yiaddr.</param>
    public byte[] Reply(DhcpMessageType type, IPAddress yourAddress, IEnumerable<(DhcpOption Option, byte[] Value)> options)
    {
        using var message = new MemoryStream();
        var header = new byte[OptionsOffset];
        header[0] = BootReply;
        header[1] = 1;
        header[2] = MacAddress.Length;
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), Transaction);
        header[10] = (byte)(WantsBroadcast ? 0x80 : 0);
        if (type != DhcpMessageType.Nak)
            ClientAddress.TryWriteBytes(header.AsSpan(12), out _);
        yourAddress.TryWriteBytes(header.AsSpan(16), out _);
        Mac.Write(header.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(236), MagicCookie);
        message.Write(header);
        foreach (var (option, value) in options.Prepend((DhcpOption.MessageType, [(byte)type])))
        {
            message.WriteByte((byte)option);
            message.WriteByte((byte)value.Length);
            message.Write(value);
        }

        message.WriteByte((byte)DhcpOption.End);
        if (message.Length < MinLength)
            message.SetLength(MinLength);
        return message.ToArray();
    }

    private static IPAddress? AddressOption(ReadOnlySpan<byte> options, DhcpOption option) =>
        Option(options, option) is { Length: 4 } value ? new IPAddress(value) : null;

    private static ReadOnlySpan<byte> Option(ReadOnlySpan<byte> options, DhcpOption wanted)
    {
        while (options.Length >= 2 && options[0] != (byte)DhcpOption.End)
        {
            if (options[0] == (byte)DhcpOption.Pad)
            {
                options = options[1..];
                continue;
            }

            var length = options[1];
            if (options.Length < 2 + length)
                return default;
            if (options[0] == (byte)wanted)
                return options.Slice(2, length);
            options = options[(2 + length)..];
        }

        return default;
    }
}

/// <summary>Values of option 53 (RFC 2132, 9.6).</summary>
public enum DhcpMessageType : byte
{
    None = 0,
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
    Inform = 8,
}

/// <summary>Options by number (RFC 2132).</summary>
public enum DhcpOption : byte
{
    Pad = 0,
    SubnetMask = 1,
    Router = 3,
    DomainNameServer = 6,
    HostName = 12,
    InterfaceMtu = 26,
    BroadcastAddress = 28,
    RequestedAddress = 50,
    LeaseTime = 51,
    MessageType = 53,
    ServerIdentifier = 54,
    End = 255,
}
