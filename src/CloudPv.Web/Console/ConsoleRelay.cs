using System.Buffers;
using System.Net.WebSockets;
using CloudPv.WorkerProtocol;

namespace CloudPv.Web;

/// <summary>
/// Carries one watcher's bytes between its WebSocket and the console. Who doesn't read for <see cref="Patience"/> is cut
/// off; the console itself never waits for anyone.
/// </summary>
internal static class ConsoleRelay
{
    private const int BufferBytes = 16 << 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task RunAsync(WebSocket socket, JsonLineConnection console, CancellationToken cancel)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var output = ShowAsync(socket, console, ended.Token);
        var input = TypeAsync(socket, console, ended.Token);
        if (await Task.WhenAny(output, input) == output && output.IsCompletedSuccessfully)
            ended.CancelAfter(Patience); // for the watcher's own goodbye
        else
            await ended.CancelAsync();
        await Task.WhenAll(EndAsync(output), EndAsync(input));
    }

    private static async Task ShowAsync(WebSocket socket, JsonLineConnection console, CancellationToken cancel)
    {
        while (true)
        {
            var read = await console.Input.ReadAsync(cancel);
            foreach (var part in read.Buffer)
                await SendAsync(socket, part, cancel);
            console.Input.AdvanceTo(read.Buffer.End);
            if (!read.IsCompleted)
                continue;
            using var patience = new CancellationTokenSource(Patience);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "The instance's domain has ended.", patience.Token);
            return;
        }
    }

    private static async Task SendAsync(WebSocket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        await socket.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage: true, patience.Token);
    }

    private static async Task TypeAsync(WebSocket socket, JsonLineConnection console, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (true)
            {
                var typed = await socket.ReceiveAsync(buffer.AsMemory(), cancel);
                if (typed.MessageType != WebSocketMessageType.Close)
                {
                    await console.Output.WriteAsync(buffer.AsMemory(0, typed.Count), cancel);
                    continue;
                }
                if (socket.State == WebSocketState.CloseReceived)
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, cancel);
                return;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>However one direction ends, the connection ends with it: a watcher that went away is no error.</summary>
    private static async Task EndAsync(Task direction)
    {
        try
        {
            await direction;
        }
        catch (Exception gone) when (gone is OperationCanceledException or WebSocketException or IOException)
        {
        }
    }
}
