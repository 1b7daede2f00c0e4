using System.Buffers;
using System.Net.Sockets;
using System.Threading.Channels;

namespace CloudPv.Dom0.Net;

/// <summary>Carries frames over one connection, as <see cref="FrameRecord"/>s: out from a queue, in to a handler.</summary>
public sealed class FrameSocket(Socket socket, FrameQueue outgoing, FrameSocket.FrameHandler incoming)
{
    /// <summary>Takes a frame that came in; must not block.</summary>
    public delegate void FrameHandler(in Frame frame);

    /// <summary>Returns when the connection has ended, for whatever reason, or the call is cancelled; closes the socket.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using (socket)
        {
            var sending = SendAsync(ended.Token);
            var receiving = ReceiveAsync(ended.Token);
            await Task.WhenAny(sending, receiving);
            await ended.CancelAsync();
            // Either direction's end is the connection's: a peer that went away, a cancelled wait.
            await Task.WhenAll(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SendAsync(CancellationToken cancel)
    {
        var arrived = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        outgoing.Arrived = () => arrived.Writer.TryWrite(true);
        while (true)
        {
            var records = outgoing.PeekRecords();
            if (records.IsEmpty)
            {
                await arrived.Reader.ReadAsync(cancel);
                continue;
            }

            for (var sent = 0; sent < records.Length;)
                sent += await socket.SendAsync(records[sent..], cancel);
            outgoing.Remove(records.Length);
        }
    }

    private async Task ReceiveAsync(CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(2 * FrameRecord.MaxLength);
        try
        {
            var filled = 0;
            while (await socket.ReceiveAsync(buffer.AsMemory(filled), cancel) is > 0 and var count)
            {
                filled += count;
                if (!TryTake(buffer.AsSpan(0, filled), out var taken))
                    return;
                buffer.AsSpan(taken, filled - taken).CopyTo(buffer);
                filled -= taken;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private bool TryTake(ReadOnlySpan<byte> received, out int taken)
    {
        taken = 0;
        while (FrameRecord.TryRead(received[taken..], out var frame, out var length))
        {
            if (length == 0)
                return true;
            incoming(frame);
            taken += length;
        }

        return false;
    }
}
