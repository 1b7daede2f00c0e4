using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace CloudPv.Dom0.Net;

/// <summary>A DHCP server on a switch (RFC 2131), for addresses that are fixed by MAC address. It answers nobody who has none.</summary>
public sealed class DhcpServer : IDisposable
{
    private const ushort ServerPort = 67, ClientPort = 68;
    private static readonly TimeSpan LeaseTime = TimeSpan.FromHours(24);

    private readonly NetworkPlan _plan;
    private readonly AddressTable _addresses;
    private readonly IFrameLink _link;
    private readonly DeferredWork _work;

    public DhcpServer(NetworkPlan plan, AddressTable addresses, IFrameLink link)
    {
        _plan = plan;
        _addresses = addresses;
        _link = link;
        _work = new DeferredWork(AnswerAll);
        link.Incoming.Arrived = _work.Schedule;
    }

    public void Dispose() => _link.Dispose();

    private void AnswerAll()
    {
        while (_link.Incoming.TryPeek(out var frame))
        {
            var answer = ArpFrame.Answer(frame.Bytes, NetworkPlan.DhcpMac, _plan.DhcpAddress) ?? AnswerDhcp(frame);
            _link.Incoming.RemoveOldest();
            if (answer is not null)
                _link.Send(new Frame(answer, Offload.None));
        }
    }

    private byte[]? AnswerDhcp(in Frame frame)
    {
        if (!UdpFrame.TryRead(frame.Bytes, ServerPort, out _, out var payload) || DhcpMessage.TryRead(payload) is not { } message)
            return null;
        // The switch vouches for the frame's source; chaddr may claim anything.
        if (message.Mac != frame.Source || _addresses.Find(message.Mac) is not { } assignment)
            return null;
        return message.Type switch
        {
            DhcpMessageType.Discover => Reply(message, DhcpMessageType.Offer, assignment),
            DhcpMessageType.Request => AnswerRequest(message, assignment),
            DhcpMessageType.Inform => Reply(message, DhcpMessageType.Ack, assignment),
            _ => null,
        };
    }

    private byte[]? AnswerRequest(DhcpMessage message, AddressAssignment assignment)
    {
        if (message.Server is { } server && !server.Equals(_plan.DhcpAddress))
            return null; // the client chose another server
        var wanted = message.RequestedAddress ?? message.ClientAddress;
        return Reply(message, wanted.Equals(assignment.Address) ? DhcpMessageType.Ack : DhcpMessageType.Nak, assignment);
    }

    private byte[] Reply(DhcpMessage message, DhcpMessageType type, AddressAssignment assignment)
    {
        var given = type == DhcpMessageType.Nak || message.Type == DhcpMessageType.Inform ? IPAddress.Any : assignment.Address;
        var payload = message.Reply(type, given, type == DhcpMessageType.Nak ? [ServerIdentifier] : Options(assignment, message.Type != DhcpMessageType.Inform));
        var from = new UdpEndpoint(NetworkPlan.DhcpMac, _plan.DhcpAddress, ServerPort);
        return UdpFrame.Write(from, ReturnAddress(message, type, assignment), payload);
    }

    /// <summary>Where a reply goes (RFC 2131, 4.1).</summary>
    private static UdpEndpoint ReturnAddress(DhcpMessage message, DhcpMessageType type, AddressAssignment assignment)
    {
        if (type == DhcpMessageType.Nak || (message.WantsBroadcast && message.ClientAddress.Equals(IPAddress.Any)))
            return new UdpEndpoint(MacAddress.Broadcast, IPAddress.Broadcast, ClientPort);
        var address = message.ClientAddress.Equals(IPAddress.Any) ? assignment.Address : message.ClientAddress;
        return new UdpEndpoint(message.Mac, address, ClientPort);
    }

    private (DhcpOption Option, byte[] Value) ServerIdentifier => (DhcpOption.ServerIdentifier, _plan.DhcpAddress.GetAddressBytes());

    private IEnumerable<(DhcpOption Option, byte[] Value)> Options(AddressAssignment assignment, bool withLease)
    {
        yield return ServerIdentifier;
        if (withLease)
            yield return (DhcpOption.LeaseTime, BigEndian((uint)LeaseTime.TotalSeconds));
        yield return (DhcpOption.SubnetMask, _plan.Mask.GetAddressBytes());
        yield return (DhcpOption.BroadcastAddress, _plan.BroadcastAddress.GetAddressBytes());
        yield return (DhcpOption.Router, _plan.Gateway.GetAddressBytes());
        yield return (DhcpOption.DomainNameServer, _plan.NameServer.GetAddressBytes());
        yield return (DhcpOption.InterfaceMtu, BigEndian((uint)NetworkPlan.Mtu)[2..]);
        if (assignment.HostName is { } name)
            yield return (DhcpOption.HostName, Encoding.ASCII.GetBytes(name));
    }

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
