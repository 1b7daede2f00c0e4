using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

public sealed class VirtualSwitchTests : IDisposable
{
    private readonly VirtualSwitch _switch = new();
    private readonly Receiver _a;
    private readonly Receiver _b;
    private readonly Receiver _c;
    private readonly Receiver _service;

    public VirtualSwitchTests()
    {
        _a = new Receiver(_switch.Connect(Packet.A));
        _b = new Receiver(_switch.Connect(Packet.B));
        _c = new Receiver(_switch.Connect(Packet.C));
        _service = new Receiver(_switch.ConnectService());
    }

    [Fact]
    public void A_frame_for_one_address_goes_to_its_port_alone()
    {
        var frame = Packet.Ethernet(Packet.B, Packet.A, 0x0800, 1, 2, 3);
        _a.Send(frame, new Offload(ChecksumState.Blank, 1448));
        var (bytes, offload) = _b.Next();
        bytes.ShouldBe(frame);
        offload.ShouldBe(new Offload(ChecksumState.Blank, 1448));
        (_a.Count + _c.Count + _service.Count).ShouldBe(0);
    }

    [Fact]
    public void A_broadcast_goes_to_everybody_else()
    {
        _a.Send(Packet.Ethernet(MacAddress.Broadcast, Packet.A, 0x0806));
        (_a.Count, _b.Count, _c.Count, _service.Count).ShouldBe((0, 1, 1, 1));
    }

    [Fact]
    public void An_unknown_address_is_sought_behind_the_services_only()
    {
        _a.Send(Packet.Ethernet(new MacAddress(0x525500000001), Packet.A, 0x0800));
        (_b.Count, _c.Count, _service.Count).ShouldBe((0, 0, 1));
    }

    [Fact]
    public void A_service_s_addresses_are_learned()
    {
        using var other = new Receiver(_switch.ConnectService());
        _service.Send(Packet.Ethernet(Packet.A, new MacAddress(0x525500000001), 0x0800));
        _a.Send(Packet.Ethernet(new MacAddress(0x525500000001), Packet.A, 0x0800));
        (_service.Count, other.Count).ShouldBe((1, 0));
    }

    [Fact]
    public void An_instance_cannot_send_from_an_address_that_is_not_its_own()
    {
        var port = _switch.Connect(new MacAddress(0x00163e000009));
        port.Send(new Frame(Packet.Ethernet(Packet.B, Packet.A, 0x0800), Offload.None));
        port.Refused.ShouldBe(1);
        _b.Count.ShouldBe(0);
    }

    [Fact]
    public void A_service_cannot_take_over_an_instance_s_address()
    {
        _service.Send(Packet.Ethernet(Packet.B, Packet.A, 0x0800));
        _b.Count.ShouldBe(0);
        _b.Send(Packet.Ethernet(Packet.A, Packet.B, 0x0800));
        (_a.Count, _service.Count).ShouldBe((1, 0));
    }

    [Fact]
    public void An_address_has_one_port_at_a_time()
    {
        Should.Throw<InvalidOperationException>(() => _switch.Connect(Packet.A)).Message.ShouldContain("00:16:3e:00:00:01");
        _a.Link.Dispose();
        _switch.Connect(Packet.A).Dispose();
    }

    [Fact]
    public void A_frame_shorter_than_its_header_is_refused()
    {
        _a.Send(new byte[13]);
        (_b.Count + _c.Count + _service.Count).ShouldBe(0);
    }

    public void Dispose()
    {
        foreach (var receiver in new[] { _a, _b, _c, _service })
            receiver.Dispose();
    }
}
