using System.Net.Sockets;
using CloudPv.Dom0.Net;
using CloudPv.Dom0.Tests.Fakes;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>An interface in one process on a switch in another.</summary>
public sealed class SwitchSocketTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudpv-switch-");

    private string SocketPath => Path.Combine(_folder.FullName, "net0.sock");

    [Fact]
    public async Task Frames_go_both_ways_with_their_offloads()
    {
        var network = new VirtualSwitch();
        using var b = new Receiver(network.Connect(Packet.B));
        await using var listener = new SwitchListener(network.Connect(Packet.A), SocketPath);
        using var a = new Receiver(new SocketLink(SocketPath));
        var large = Packet.Ethernet(Packet.B, Packet.A, 0x0800, new byte[60_000]);

        await Reaches(a, large, b, new Offload(ChecksumState.Blank, 1448));
        b.Send(Packet.Ethernet(Packet.A, Packet.B, 0x0800, 7), new Offload(ChecksumState.Verified));
        a.Next().ShouldSatisfyAllConditions(
            frame => frame.Bytes.ShouldBe(Packet.Ethernet(Packet.A, Packet.B, 0x0800, 7)),
            frame => frame.Offload.ShouldBe(new Offload(ChecksumState.Verified)));
    }

    [Fact]
    public async Task The_link_comes_back_when_the_switch_s_process_does()
    {
        using var a = new Receiver(new SocketLink(SocketPath));
        for (var life = 0; life < 2; life++)
        {
            var network = new VirtualSwitch();
            using var b = new Receiver(network.Connect(Packet.B));
            await using var listener = new SwitchListener(network.Connect(Packet.A), SocketPath);
            await Reaches(a, Packet.Ethernet(Packet.B, Packet.A, 0x0800, (byte)life), b);
        }
    }

    [Fact]
    public async Task A_process_that_breaks_the_format_loses_its_connection_and_nobody_else_notices()
    {
        var network = new VirtualSwitch();
        using var b = new Receiver(network.Connect(Packet.B));
        await using var listener = new SwitchListener(network.Connect(Packet.A), SocketPath);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), TestContext.Current.CancellationToken);
        await socket.SendAsync(new byte[] { 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0 });
        (await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken)).ShouldBe(0, "the connection is closed");

        using var a = new Receiver(new SocketLink(SocketPath));
        await Reaches(a, Packet.Ethernet(Packet.B, Packet.A, 0x0800, 1), b);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Sends until it arrives: while a link isn't connected, frames are lost.</summary>
    private static async Task Reaches(Receiver from, byte[] frame, Receiver to, Offload offload = default)
    {
        await Eventually.Is(() =>
        {
            from.Send(frame, offload);
            return to.Count > 0;
        });
        var received = to.Next();
        received.Bytes.ShouldBe(frame);
        received.Offload.ShouldBe(offload);
    }
}
