using CloudPv.Dom0.Net;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>What a guest sends.</summary>
public sealed class VifTransmitTests : IDisposable
{
    private const ushort ChecksumBlank = 1, DataValidated = 2, MoreData = 4, ExtraInfo = 8;
    private const short Okay = 0, Error = -1, Null = 1;

    private readonly Netfront _front = new Netfront().Connected();
    private readonly byte[] _packet = Packet.Tcp(new byte[100]);

    [Theory]
    [InlineData(0, ChecksumState.Unverified)]
    [InlineData(DataValidated, ChecksumState.Verified)]
    [InlineData(ChecksumBlank | DataValidated, ChecksumState.Blank)]
    public void A_packet_of_one_page_is_sent_with_what_is_known_of_its_checksum(int flags, ChecksumState checksum)
    {
        _front.PutTx(_front.Page(_packet, 100), 100, (ushort)flags, id: 7, _packet.Length);
        _front.KickTx();
        _front.TakeTx().ShouldBe(((ushort)7, Okay));
        var (bytes, offload) = _front.Link.NextSent();
        bytes.ShouldBe(_packet);
        offload.ShouldBe(new Offload(checksum));
    }

    [Fact]
    public void A_packet_of_several_pages_is_put_together()
    {
        var packet = Packet.Tcp(new byte[9000]);
        new Random(1).NextBytes(packet.AsSpan(54));
        _front.PutTx(_front.Page(packet[..3000], 1000), 1000, ChecksumBlank | MoreData, id: 1, packet.Length);
        _front.PutTx(_front.Page(packet[3000..7096]), 0, MoreData, id: 2, 4096);
        _front.PutTx(_front.Page(packet[7096..]), 0, 0, id: 3, packet.Length - 7096);
        _front.KickTx();
        new[] { _front.TakeTx(), _front.TakeTx(), _front.TakeTx() }.ShouldBe([(1, Okay), (2, Okay), (3, Okay)]);
        _front.Link.NextSent().Bytes.ShouldBe(packet);
    }

    [Fact]
    public void A_large_packet_keeps_its_segment_size()
    {
        PutLarge(segmentSize: 1448);
        _front.KickTx();
        _front.TakeTx().ShouldBe(((ushort)1, Okay));
        _front.TakeTx().Status.ShouldBe(Null);
        _front.Link.NextSent().Offload.ShouldBe(new Offload(ChecksumState.Blank, 1448));
    }

    [Fact]
    public void A_large_packet_with_a_complete_checksum_goes_on_with_a_blank_one()
    {
        PutLarge(segmentSize: 1448, flags: ExtraInfo, packet =>
        {
            ChecksumFiller.TryFill(packet);
            return packet;
        });
        _front.KickTx();
        var (bytes, offload) = _front.Link.NextSent();
        offload.ShouldBe(new Offload(ChecksumState.Blank, 1448));
        ChecksumFiller.TryFill(bytes);
        Packet.ShouldBeValid(bytes);
    }

    [Fact]
    public void A_packet_that_cannot_be_completed_later_is_dropped()
    {
        var arp = Packet.Ethernet(Packet.B, Packet.A, 0x0806, new byte[28]);
        _front.PutTx(_front.Page(arp), 0, ChecksumBlank, id: 1, arp.Length);
        SendGood(id: 2);
        _front.TakeTx().ShouldBe(((ushort)1, Okay));
        _front.Link.NextSent().Bytes.ShouldBe(_packet);
    }

    [Fact]
    public void A_bad_grant_costs_that_packet_alone()
    {
        _front.PutTx(_front.Page(_packet), 0, MoreData, id: 1, _packet.Length);
        _front.PutTx(new GrantRef(99999), 0, 0, id: 2, 10);
        SendGood(id: 3);
        new[] { _front.TakeTx(), _front.TakeTx(), _front.TakeTx() }.ShouldBe([(1, Error), (2, Error), (3, Okay)]);
        _front.Link.NextSent().Bytes.ShouldBe(_packet);
        _front.Link.SentCount.ShouldBe(0);
    }

    [Fact]
    public void A_packet_shorter_than_an_Ethernet_header_is_answered_with_an_error()
    {
        _front.PutTx(_front.Page(_packet), 0, 0, id: 1, 13);
        SendGood(id: 2);
        new[] { _front.TakeTx(), _front.TakeTx() }.ShouldBe([(1, Error), (2, Okay)]);
    }

    [Fact]
    public void Fragments_longer_than_their_packet_are_answered_with_errors()
    {
        _front.PutTx(_front.Page(_packet), 0, MoreData, id: 1, 100);
        _front.PutTx(_front.Page(_packet), 0, 0, id: 2, 101);
        SendGood(id: 3);
        new[] { _front.TakeTx(), _front.TakeTx(), _front.TakeTx() }.ShouldBe([(1, Error), (2, Error), (3, Okay)]);
    }

    [Fact]
    public void Nineteen_fragments_cost_the_packet()
    {
        var page = _front.Page(_packet);
        for (ushort i = 1; i <= 19; i++)
            _front.PutTx(page, 0, i < 19 ? MoreData : (ushort)0, i, i == 1 ? 190 : 10);
        SendGood(id: 20);
        for (ushort i = 1; i <= 19; i++)
            _front.TakeTx().ShouldBe((i, Error));
        _front.TakeTx().ShouldBe(((ushort)20, Okay));
    }

    [Theory]
    [InlineData("a fragment beyond its page")]
    [InlineData("too many fragments")]
    [InlineData("a packet without an end")]
    [InlineData("an unknown extra info")]
    [InlineData("a missing extra info")]
    [InlineData("a segment size of zero")]
    [InlineData("an unknown kind of segmentation")]
    [InlineData("an impossible producer")]
    public void A_ring_that_makes_no_sense_disables_the_interface_until_it_is_connected_anew(string nonsense)
    {
        var page = _front.Page(_packet);
        switch (nonsense)
        {
            case "a fragment beyond its page":
                _front.PutTx(page, 4000, 0, 1, 97);
                break;
            case "too many fragments":
                for (ushort i = 1; i <= 30; i++)
                    _front.PutTx(page, 0, MoreData, i, 300);
                break;
            case "a packet without an end":
                _front.PutTx(page, 0, MoreData, 1, 100);
                break;
            case "an unknown extra info":
                _front.PutTx(page, 0, ExtraInfo, 1, 100);
                _front.PutTxExtra(5, 0, 0, 0, 0, 0, 0, 0);
                break;
            case "a missing extra info":
                _front.PutTx(page, 0, ExtraInfo, 1, 100);
                break;
            case "a segment size of zero":
                _front.PutTx(page, 0, ExtraInfo, 1, 100);
                _front.PutTxExtra(1, 0, 0, 0, 1, 0, 0, 0);
                break;
            case "an unknown kind of segmentation":
                _front.PutTx(page, 0, ExtraInfo, 1, 100);
                _front.PutTxExtra(1, 0, 100, 0, 3, 0, 0, 0);
                break;
            case "an impossible producer":
                _front.ClaimTx(257);
                break;
        }

        _front.KickTx();
        SpinWait.SpinUntil(() => _front.Log.Count > 0, TimeSpan.FromSeconds(20)).ShouldBeTrue("the interface was not disabled");
        _front.Log[0].ShouldContain("the interface is disabled");
        _front.KickTx();
        _front.Disconnect();
        _front.Link.SentCount.ShouldBe(0);
        _front.Guest.MappedGrants.ShouldBe(0);
    }

    public void Dispose() => _front.Dispose();

    private void SendGood(ushort id)
    {
        _front.PutTx(_front.Page(_packet), 0, ChecksumBlank, id, _packet.Length);
        _front.KickTx();
    }

    private void PutLarge(ushort segmentSize, int flags = ChecksumBlank | ExtraInfo, Func<byte[], byte[]>? change = null)
    {
        var packet = Packet.Tcp(new byte[3000]);
        packet = change?.Invoke(packet) ?? packet;
        _front.PutTx(_front.Page(packet), 0, (ushort)flags, 1, packet.Length);
        _front.PutTxExtra(1, 0, (byte)segmentSize, (byte)(segmentSize >> 8), 1, 0, 0, 0);
    }
}
