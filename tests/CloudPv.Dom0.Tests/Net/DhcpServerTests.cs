using System.Buffers.Binary;
using System.Net;
using System.Text;
using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

public sealed class DhcpServerTests : IDisposable
{
    private readonly AddressTable _addresses = new();
    private readonly VirtualSwitch _network = new();
    private readonly DhcpServer _server;
    private readonly Receiver _client;

    public DhcpServerTests()
    {
        _addresses.Set(Packet.A, new AddressAssignment(IPAddress.Parse("10.0.0.16"), "web-1"));
        _server = new DhcpServer(NetworkPlan.Default, _addresses, _network.ConnectService());
        _client = new Receiver(_network.Connect(Packet.A));
    }

    [Fact]
    public void A_discover_is_answered_with_the_instance_s_address_and_all_it_must_know()
    {
        Send(type: 1);
        var (payload, options) = Answer();
        payload[16..20].ShouldBe([10, 0, 0, 16], "yiaddr");
        options[53].ShouldBe([2]);
        options[54].ShouldBe([10, 0, 0, 3]);
        options[1].ShouldBe([255, 255, 0, 0]);
        options[3].ShouldBe([10, 0, 0, 1]);
        options[6].ShouldBe([10, 0, 0, 2]);
        options[26].ShouldBe([1500 >> 8, 1500 & 0xff]);
        options[28].ShouldBe([10, 0, 255, 255]);
        Encoding.ASCII.GetString(options[12]).ShouldBe("web-1");
        BinaryPrimitives.ReadUInt32BigEndian(options[51]).ShouldBe(86400u);
    }

    [Fact]
    public void A_request_for_that_address_is_acknowledged()
    {
        Send(type: 3, (54, [10, 0, 0, 3]), (50, [10, 0, 0, 16]));
        Answer().Options[53].ShouldBe([5]);
    }

    [Fact]
    public void A_request_for_another_address_is_refused()
    {
        Send(type: 3, (50, [192, 168, 1, 5]));
        var (payload, options) = Answer();
        options[53].ShouldBe([6]);
        payload[16..20].ShouldBe([0, 0, 0, 0]);
    }

    [Fact]
    public void Nobody_without_an_address_is_answered()
    {
        using var stranger = new Receiver(_network.Connect(Packet.B));
        stranger.Send(Packet.Udp(MacAddress.Broadcast, Packet.B, [0, 0, 0, 0], [255, 255, 255, 255], 68, 67, Message(Packet.B, 1)));
        _client.Next(); // the stranger's broadcast
        Send(type: 1);
        Answer().Options[53].ShouldBe([2]);
        stranger.Next(); // the client's broadcast
        stranger.Count.ShouldBe(0);
    }

    [Fact]
    public void Nobody_who_chose_another_server_is_answered()
    {
        Send(type: 3, (54, [10, 0, 0, 99]), (50, [10, 0, 0, 16]));
        Send(type: 1);
        Answer().Options[53].ShouldBe([2]);
    }

    [Fact]
    public void A_message_for_somebody_else_s_address_is_ignored()
    {
        _addresses.Set(Packet.B, new AddressAssignment(IPAddress.Parse("10.0.0.17")));
        Send(Packet.B, type: 1);
        Send(type: 1);
        Answer().Payload[28..34].ShouldBe([0, 0x16, 0x3e, 0, 0, 1]);
    }

    [Fact]
    public void The_server_answers_for_its_own_address()
    {
        byte[] arp = [0, 1, 8, 0, 6, 4, 0, 1, 0, 0x16, 0x3e, 0, 0, 1, 10, 0, 0, 16, 0, 0, 0, 0, 0, 0, 10, 0, 0, 3];
        _client.Send(Packet.Ethernet(MacAddress.Broadcast, Packet.A, 0x0806, arp));
        var answer = _client.Next().Bytes;
        answer[..14].ShouldBe(Packet.Ethernet(Packet.A, NetworkPlan.DhcpMac, 0x0806));
        answer[14..].ShouldBe([0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 3, 10, 0, 0, 3, 0, 0x16, 0x3e, 0, 0, 1, 10, 0, 0, 16]);
    }

    [Fact]
    public void No_damaged_message_stops_the_server()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 5_000; i++)
        {
            var message = Message(Packet.A, 1, (50, [1, 2, 3, 4]))[..^random.Next(20)];
            for (var damage = random.Next(5); damage > 0; damage--)
                message[random.Next(message.Length)] = (byte)random.Next(256);
            _client.Send(Datagram(message));
        }

        while (_client.Count > 0)
            _client.Next();
        _client.Send(Datagram(Message(Packet.A, 8)));
        Should.NotThrow(_client.Next, $"seed {seed}");
    }

    public void Dispose()
    {
        _server.Dispose();
        _client.Dispose();
    }

    private void Send(byte type, params (byte Option, byte[] Value)[] options) => Send(Packet.A, type, options);

    private void Send(MacAddress hardware, byte type, params (byte Option, byte[] Value)[] options) => _client.Send(Datagram(Message(hardware, type, options)));

    private static byte[] Datagram(byte[] message) => Packet.Udp(MacAddress.Broadcast, Packet.A, [0, 0, 0, 0], [255, 255, 255, 255], 68, 67, message);

    private static byte[] Message(MacAddress hardware, byte type, params (byte Option, byte[] Value)[] options)
    {
        var message = new byte[240];
        message[0] = 1;
        message[1] = 1;
        message[2] = 6;
        hardware.Write(message.AsSpan(28));
        new byte[] { 0x63, 0x82, 0x53, 0x63 }.CopyTo(message, 236);
        return [.. message, 53, 1, type, .. options.SelectMany(option => (byte[])[option.Option, (byte)option.Value.Length, .. option.Value]), 255];
    }

    private (byte[] Payload, Dictionary<byte, byte[]> Options) Answer()
    {
        var frame = _client.Next().Bytes;
        var payload = Packet.ShouldBeValid(frame)[8..];
        payload[0].ShouldBe((byte)2);
        var options = new Dictionary<byte, byte[]>();
        for (var at = 240; payload[at] != 255; at += 2 + payload[at + 1])
            options[payload[at]] = payload[(at + 2)..(at + 2 + payload[at + 1])];
        return (payload, options);
    }
}
