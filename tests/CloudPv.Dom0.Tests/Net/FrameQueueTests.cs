using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

public sealed class FrameQueueTests
{
    [Fact]
    public void Frames_come_out_whole_and_in_order_however_long_they_are()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var queue = new FrameQueue();
        var expected = new Queue<(byte[] Bytes, Offload Offload)>();
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(14, random.Next(14, random.Next(10) == 0 ? Frame.MaxLength : 1515))];
            bytes.AsSpan().Fill((byte)i);
            var offload = new Offload((ChecksumState)random.Next(3), (ushort)random.Next(1500));
            if (queue.TryEnqueue(new Frame(bytes, offload)))
                expected.Enqueue((bytes, offload));
            for (var take = random.Next(3); take > 0 && queue.TryPeek(out var frame); take--)
            {
                var (expectedBytes, expectedOffload) = expected.Dequeue();
                frame.Bytes.SequenceEqual(expectedBytes).ShouldBeTrue($"seed {seed}, frame {i}");
                frame.Offload.ShouldBe(expectedOffload);
                queue.RemoveOldest();
            }
        }

        while (queue.TryPeek(out var frame))
        {
            frame.Bytes.SequenceEqual(expected.Dequeue().Bytes).ShouldBeTrue($"seed {seed}");
            queue.RemoveOldest();
        }

        expected.ShouldBeEmpty();
    }

    [Fact]
    public void A_frame_without_room_is_dropped_and_counted()
    {
        var queue = new FrameQueue();
        var frame = new byte[Frame.MaxLength];
        var taken = 0;
        while (queue.TryEnqueue(new Frame(frame, Offload.None)))
            taken++;
        taken.ShouldBeGreaterThan(3);
        queue.Dropped.ShouldBe(1);
        queue.RemoveOldest();
        queue.TryEnqueue(new Frame(frame, Offload.None)).ShouldBeTrue();
    }

    [Fact]
    public void The_consumer_is_called_when_an_empty_queue_gets_a_frame()
    {
        var calls = 0;
        var queue = new FrameQueue { Arrived = () => calls++ };
        queue.TryEnqueue(new Frame(new byte[60], Offload.None));
        queue.TryEnqueue(new Frame(new byte[60], Offload.None));
        calls.ShouldBe(1);
        queue.RemoveOldest();
        queue.RemoveOldest();
        queue.TryEnqueue(new Frame(new byte[60], Offload.None));
        calls.ShouldBe(2);
    }
}
