using System.Net.Sockets;

namespace CloudPv.Dom0.Net;

/// <summary>A port of a switch for another process, by a Unix socket of its own: whoever may open the socket is the port's one address. A new connection takes the place of an older one.</summary>
public sealed class SwitchListener : IAsyncDisposable
{
    private readonly SwitchPort _port;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _disposed = new();
    private readonly string _path;
    private readonly Task _accepting;

    /// <param name="socketPath">Where to listen; what an earlier process left there is replaced.</param>
    /// <exception cref="SocketException">It can't listen there.</exception>
    public SwitchListener(SwitchPort port, string socketPath)
    {
        _port = port;
        _path = socketPath;
        File.Delete(socketPath);
        _listener.Bind(new UnixDomainSocketEndPoint(socketPath));
        _listener.Listen();
        _accepting = AcceptAsync(_disposed.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Dispose();
        _disposed.Dispose();
        File.Delete(_path);
        _port.Dispose();
    }

    private async Task AcceptAsync(CancellationToken disposed)
    {
        var current = Task.CompletedTask;
        var replaced = new CancellationTokenSource();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(disposed);
                await replaced.CancelAsync();
                await current;
                replaced.Dispose();
                replaced = CancellationTokenSource.CreateLinkedTokenSource(disposed);
                _port.Incoming.Clear();
                current = new FrameSocket(socket, _port.Incoming, _port.Send).RunAsync(replaced.Token);
            }
        }
        finally
        {
            await replaced.CancelAsync();
            await current;
            replaced.Dispose();
        }
    }
}
