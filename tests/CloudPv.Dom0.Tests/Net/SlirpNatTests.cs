using System.Net;
using System.Net.Sockets;
using System.Text;
using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>The real libslirp (Debian package libslirp0).</summary>
public sealed class SlirpNatTests : IDisposable
{
    private readonly HostNetwork _network = new(NetworkPlan.Default);
    private readonly Receiver _guest;

    public SlirpNatTests() => _guest = new Receiver(_network.Connect(Packet.A));

    [Fact]
    public void The_gateway_answers_for_its_address()
    {
        GatewayMac().ToString().ShouldBe("52:55:0a:00:00:01");
    }

    [Fact]
    public void The_gateway_answers_a_ping()
    {
        byte[] icmp = [8, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4];
        var sum = (ushort)~Packet.SlowSum(icmp);
        (icmp[2], icmp[3]) = ((byte)(sum >> 8), (byte)sum);
        var ip = Packet.V4Header(icmp.Length, protocol: 1);
        new byte[] { 10, 0, 0, 1 }.CopyTo(ip, 16);
        Packet.SetIpChecksum(ip);
        _guest.Send(Packet.Ethernet(GatewayMac(), Packet.A, 0x0800, [.. ip, .. icmp]));
        var reply = _guest.Next().Bytes;
        reply[26..30].ShouldBe([10, 0, 0, 1], "from the gateway");
        reply[34].ShouldBe((byte)0, "an echo reply");
        reply[38..46].ShouldBe(icmp[4..]);
    }

    [Theory]
    [InlineData(ChecksumState.Unverified)]
    [InlineData(ChecksumState.Blank)]
    public async Task A_datagram_to_the_gateway_reaches_the_host_s_loopback_and_the_answer_comes_back(ChecksumState checksum)
    {
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var port = (ushort)((IPEndPoint)server.Client.LocalEndPoint!).Port;
        var frame = Packet.Udp(GatewayMac(), Packet.A, [10, 0, 0, 16], [10, 0, 0, 1], 5000, port, Encoding.ASCII.GetBytes("ping"));
        if (checksum == ChecksumState.Unverified)
            ChecksumFiller.TryFill(frame);
        _guest.Send(frame, new Offload(checksum));

        var request = await server.ReceiveAsync(TestContext.Current.CancellationToken);
        Encoding.ASCII.GetString(request.Buffer).ShouldBe("ping");
        await server.SendAsync(Encoding.ASCII.GetBytes("pong"), request.RemoteEndPoint, TestContext.Current.CancellationToken);
        Encoding.ASCII.GetString(Packet.ShouldBeValid(_guest.Next().Bytes)[8..]).ShouldBe("pong");
    }

    public void Dispose()
    {
        _guest.Dispose();
        _network.Dispose();
    }

    private MacAddress GatewayMac()
    {
        byte[] arp = [0, 1, 8, 0, 6, 4, 0, 1, 0, 0x16, 0x3e, 0, 0, 1, 10, 0, 0, 16, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1];
        _guest.Send(Packet.Ethernet(MacAddress.Broadcast, Packet.A, 0x0806, arp));
        var answer = _guest.Next().Bytes;
        answer[20..22].ShouldBe([0, 2], "a reply");
        return MacAddress.Read(answer.AsSpan(22));
    }
}
