using CloudPv.Dom0.Net;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>The negotiation of a network interface.</summary>
public sealed class NetDeviceTests : IDisposable
{
    private readonly Netfront _front = new();

    [Fact]
    public void It_offers_what_netback_does_but_for_the_control_ring_and_XDP()
    {
        _front.Device.Offer(_front.Nodes);
        _front.Store.List(_front.Nodes.BackendPath).ToDictionary(key => key, key => _front.Store.Read($"{_front.Nodes.BackendPath}/{key}")).ShouldBe(
            new Dictionary<string, string?>
            {
                ["feature-sg"] = "1",
                ["feature-gso-tcpv4"] = "1",
                ["feature-gso-tcpv6"] = "1",
                ["feature-ipv6-csum-offload"] = "1",
                ["feature-rx-copy"] = "1",
                ["feature-rx-flip"] = "0",
                ["feature-multicast-control"] = "1",
                ["feature-split-event-channels"] = "1",
                ["multi-queue-max-queues"] = "1",
                ["hotplug-status"] = "connected",
            },
            ignoreOrder: true);
    }

    [Fact]
    public void Both_ends_are_told_address_and_handle()
    {
        _front.Device.BackendEntries.ShouldBe([("mac", "00:16:3e:00:00:01"), ("handle", "0"), ("type", "vif")]);
        _front.Device.FrontendEntries.ShouldBe([("handle", "0"), ("mac", "00:16:3e:00:00:01"), ("trusted", "1"), ("mtu", "1500")]);
    }

    [Fact]
    public void A_frontend_with_one_event_channel_for_both_rings_is_served()
    {
        var port = _front.Guest.AllocatePort(static () => { });
        _front.Store.Remove($"{_front.Nodes.FrontendPath}/event-channel-tx");
        _front.Store.Remove($"{_front.Nodes.FrontendPath}/event-channel-rx");
        _front.Write("event-channel", port.Value);
        _front.TryConnect().ShouldBeNull();
        _front.PutTx(_front.Page(Packet.Tcp([1])), 0, flags: 1, id: 1, Packet.Tcp([1]).Length);
        _front.KickTx(port);
        _front.Link.NextSent();
    }

    [Theory]
    [InlineData("request-rx-copy", 0u, "page flipping")]
    [InlineData("multi-queue-num-queues", 2u, "one queue")]
    [InlineData("tx-ring-ref", 0xffff_ffffu, "rings can't be mapped")]
    [InlineData("rx-ring-ref", 0xffff_ffffu, "rings can't be mapped")]
    [InlineData("event-channel-rx", 77777u, "event channels can't be bound")]
    public void A_wish_that_cannot_be_met_is_refused_and_leaves_nothing_mapped(string key, uint value, string reason)
    {
        _front.Write(key, value);
        _front.TryConnect().ShouldNotBeNull().ShouldContain(reason);
        _front.Guest.MappedGrants.ShouldBe(0);
        _front.Guest.BoundPorts.ShouldBe(0);
    }

    [Fact]
    public void Disconnecting_lets_go_of_everything_and_a_new_frontend_may_connect()
    {
        _front.Connected();
        _front.Guest.MappedGrants.ShouldBe(2);
        _front.Disconnect();
        (_front.Guest.MappedGrants, _front.Guest.BoundPorts).ShouldBe((0, 0));
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x0800)); // lost: nobody listens

        _front.Connected();
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x0800, 2));
        _front.Offer(2);
        _front.TakeRx().Bytes.ShouldBe(Packet.Ethernet(Packet.A, Packet.B, 0x0800, 2));
    }

    public void Dispose() => _front.Dispose();
}
