using System.Buffers.Binary;
using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

public sealed class OffloadTests
{
    [Fact]
    public void The_sum_of_any_bytes_is_that_of_RFC_1071()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var length = 0; length < 200; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            InternetChecksum.Fold(InternetChecksum.Add(0, bytes)).ShouldBe(Packet.SlowSum(bytes), $"seed {seed}, length {length}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_blank_checksum_is_filled_in(bool v6)
    {
        var frame = Packet.Tcp([1, 2, 3], v6);
        ChecksumFiller.TryFill(frame).ShouldBeTrue();
        Packet.ShouldBeValid(frame);
    }

    [Fact]
    public void A_frame_s_padding_is_no_part_of_the_sum()
    {
        byte[] frame = [.. Packet.Udp(Packet.B, Packet.A, [10, 0, 0, 16], [10, 0, 0, 17], 1, 2, [5]), 0xee, 0xee];
        ChecksumFiller.TryFill(frame).ShouldBeTrue();
        Packet.ShouldBeValid(frame[..^2]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_large_packet_becomes_segments_that_carry_the_same_bytes(bool v6)
    {
        var payload = new byte[10_000];
        new Random(1).NextBytes(payload);
        TcpSegmenter.TryCreate(new Frame(Packet.Tcp(payload, v6), new Offload(ChecksumState.Blank, 1448)), out var segmenter).ShouldBeTrue();
        segmenter.SegmentCount.ShouldBe(7);

        var buffer = new byte[segmenter.MaxSegmentLength];
        var received = new List<byte>();
        var flags = new List<byte>();
        while (segmenter.TryNext(buffer, out var length))
        {
            var tcp = Packet.ShouldBeValid(buffer[..length]);
            BinaryPrimitives.ReadUInt32BigEndian(tcp.AsSpan(4)).ShouldBe(1000 + (uint)received.Count);
            received.AddRange(tcp[20..]);
            flags.Add(tcp[13]);
        }

        received.ShouldBe(payload);
        flags.ShouldBe([0x90, 0x10, 0x10, 0x10, 0x10, 0x10, 0x19], "CWR on the first alone, PSH and FIN on the last alone");
    }

    [Fact]
    public void What_is_no_TCP_packet_cannot_be_segmented()
    {
        byte[][] frames = [Packet.Ethernet(Packet.B, Packet.A, 0x0806, new byte[28]), Packet.Tcp(new byte[100])[..40], []];
        foreach (var frame in frames)
            TcpSegmenter.TryCreate(new Frame(frame, new Offload(ChecksumState.Blank, 100)), out _).ShouldBeFalse();
    }

    [Fact]
    public void No_truncated_or_damaged_frame_leads_beyond_its_end()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var frame = Packet.Tcp(new byte[random.Next(64)], v6: random.Next(2) == 0)[..^random.Next(30)];
            for (var damage = random.Next(4); damage > 0; damage--)
                frame[random.Next(frame.Length)] = (byte)random.Next(256);
            if (TransportHeader.TryFind(frame, out var header))
                header.End.ShouldBeLessThanOrEqualTo(frame.Length, $"seed {seed}");
            ChecksumFiller.TryFill(frame);
            if (!TcpSegmenter.TryCreate(new Frame(frame, new Offload(ChecksumState.Blank, 10)), out var segmenter))
                continue;
            var buffer = new byte[segmenter.MaxSegmentLength];
            while (segmenter.TryNext(buffer, out _)) { }
        }
    }
}
