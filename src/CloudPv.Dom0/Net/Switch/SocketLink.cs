using System.Net.Sockets;

namespace CloudPv.Dom0.Net;

/// <summary>A link to a switch in another process, by its Unix socket. While that process is away frames are lost, as on a pulled cable; it connects again by itself.</summary>
public sealed class SocketLink : IFrameLink
{
    /// <summary>Nothing announces that somebody listens on a socket again.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(250);

    private readonly FrameQueue _outgoing = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly string _path;
    private volatile bool _connected;

    public SocketLink(string socketPath)
    {
        _path = socketPath;
        _ = KeepConnectedAsync(_disposed.Token);
    }

    public FrameQueue Incoming { get; } = new();

    public void Send(in Frame frame)
    {
        if (_connected)
            _outgoing.TryEnqueue(frame);
    }

    public void Dispose()
    {
        _disposed.Cancel();
        _disposed.Dispose();
    }

    private async Task KeepConnectedAsync(CancellationToken disposed)
    {
        while (!disposed.IsCancellationRequested)
        {
            if (await TryConnectAsync(disposed) is { } socket)
            {
                _outgoing.Clear(); // may start with a record that the last connection carried in part
                _connected = true;
                await new FrameSocket(socket, _outgoing, (in frame) => Incoming.TryEnqueue(frame)).RunAsync(disposed);
                _connected = false;
            }

            await Task.Delay(RetryInterval, disposed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Socket?> TryConnectAsync(CancellationToken disposed)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), disposed);
            return socket;
        }
        catch (Exception absent) when (absent is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            return null;
        }
    }
}
