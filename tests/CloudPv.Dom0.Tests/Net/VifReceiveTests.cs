using System.Buffers.Binary;
using CloudPv.Dom0.Net;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>What a guest gets.</summary>
public sealed class VifReceiveTests : IDisposable
{
    private const int DataValidated = 1, ChecksumBlank = 2, MoreData = 4, ExtraInfo = 8;

    private readonly Netfront _front = new();

    [Theory]
    [InlineData(ChecksumState.Unverified, 0)]
    [InlineData(ChecksumState.Verified, DataValidated)]
    [InlineData(ChecksumState.Blank, DataValidated | ChecksumBlank)]
    public void A_packet_arrives_with_what_is_known_of_its_checksum(ChecksumState checksum, int flags)
    {
        _front.Connected().Offer(2);
        var packet = Packet.Tcp([1, 2, 3]);
        _front.Link.Deliver(packet, new Offload(checksum));
        var received = _front.TakeRx();
        received.Bytes.ShouldBe(packet);
        received.Flags.ShouldBe((ushort)flags);
    }

    [Theory]
    [InlineData(false, "feature-no-csum-offload")]
    [InlineData(true, "feature-sg")]
    public void A_frontend_that_takes_no_blank_checksum_gets_a_complete_one(bool v6, string feature)
    {
        _front.Connected(feature).Offer(2);
        _front.Link.Deliver(Packet.Tcp([1, 2, 3], v6), new Offload(ChecksumState.Blank));
        var received = _front.TakeRx();
        Packet.ShouldBeValid(received.Bytes);
        received.Flags.ShouldBe((ushort)DataValidated);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void A_frontend_with_segmentation_offload_gets_a_large_packet_whole(bool v6, byte kind)
    {
        _front.Connected("feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload").Offer(8);
        var packet = Packet.Tcp(new byte[9000], v6);
        new Random(1).NextBytes(packet.AsSpan(80));
        _front.Link.Deliver(packet, new Offload(ChecksumState.Blank, 1448));
        var received = _front.TakeRx();
        received.Bytes.ShouldBe(packet);
        received.Flags.ShouldBe((ushort)(ChecksumBlank | DataValidated | MoreData | ExtraInfo));
        received.Extra.ShouldBe([1, 0, 1448 & 0xff, 1448 >> 8, kind, 0, 0, 0]);
    }

    [Fact]
    public void A_frontend_without_it_gets_the_segments()
    {
        _front.Connected("feature-sg").Offer(8);
        var payload = new byte[4000];
        new Random(1).NextBytes(payload);
        _front.Link.Deliver(Packet.Tcp(payload), new Offload(ChecksumState.Blank, 1448));
        var received = new List<byte>();
        for (var i = 0; i < 3; i++)
        {
            var packet = _front.TakeRx();
            packet.Flags.ShouldBe((ushort)DataValidated);
            received.AddRange(Packet.ShouldBeValid(packet.Bytes)[20..]);
        }

        received.ShouldBe(payload);
    }

    [Fact]
    public void A_packet_waits_until_the_guest_has_offered_enough_pages()
    {
        _front.Connected("feature-sg").Offer(2);
        var packet = Packet.Ethernet(Packet.A, Packet.B, 0x88b5, new byte[9000]);
        _front.Link.Deliver(packet);
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 2));
        _front.RxResponses.ShouldBe(0u, "nothing overtakes it");
        _front.Offer(2);
        _front.TakeRx().Bytes.ShouldBe(packet);
        _front.TakeRx().Bytes.ShouldBe(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 2));
    }

    [Fact]
    public void A_frontend_that_does_not_notify_is_looked_at()
    {
        _front.Write("feature-rx-notify", 0);
        _front.Connected();
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 1));
        _front.Offer(1, kick: false);
        _front.TakeRx().Bytes.ShouldBe(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 1));
    }

    [Fact]
    public void A_packet_of_several_pages_is_not_for_a_frontend_without_scatter_gather()
    {
        _front.Connected().Offer(8);
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, new byte[5000]));
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 1));
        _front.TakeRx().Bytes.ShouldBe(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 1));
    }

    [Fact]
    public void A_page_that_cannot_be_written_is_answered_with_an_error_and_the_next_packet_arrives()
    {
        _front.OfferGrant(_front.Page([]), id: 5); // granted for reading only
        _front.Connected().Offer(1);
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 1));
        _front.Link.Deliver(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 2));
        var slot = _front.TakeRxSlot();
        BinaryPrimitives.ReadUInt16LittleEndian(slot).ShouldBe((ushort)5);
        BinaryPrimitives.ReadInt16LittleEndian(slot.AsSpan(6)).ShouldBe((short)-1);
        _front.TakeRx().Bytes.ShouldBe(Packet.Ethernet(Packet.A, Packet.B, 0x88b5, 2));
    }

    [Fact]
    public async Task A_guest_that_takes_nothing_costs_only_its_own_packets()
    {
        _front.Connected();
        for (var i = 0; i < 1000; i++)
            _front.Link.Incoming.TryEnqueue(new Frame(new byte[1514], Offload.None));
        _front.Link.Incoming.Dropped.ShouldBeGreaterThan(0);
        _front.Offer(3);
        await Eventually.Is(() => _front.RxResponses == 3);
    }

    [Fact]
    public void A_guest_in_control_of_multicast_gets_what_it_asked_for()
    {
        var wanted = new MacAddress(0x01005e000001);
        _front.Connected("request-multicast-control").Offer(8);
        _front.PutTx(default, 0, flags: ExtraInfo, id: 1, 0);
        _front.PutTxExtra(2, 0, 1, 0, 0x5e, 0, 0, 1);
        _front.KickTx();
        _front.TakeTx().ShouldBe(((ushort)1, (short)0));

        _front.Link.Deliver(Packet.Ethernet(new MacAddress(0x01005e000002), Packet.B, 0x0800));
        _front.Link.Deliver(Packet.Ethernet(wanted, Packet.B, 0x0800));
        _front.Link.Deliver(Packet.Ethernet(MacAddress.Broadcast, Packet.B, 0x0800));
        MacAddress.Read(_front.TakeRx().Bytes).ShouldBe(wanted);
        MacAddress.Read(_front.TakeRx().Bytes).ShouldBe(MacAddress.Broadcast);
    }

    public void Dispose() => _front.Dispose();
}
