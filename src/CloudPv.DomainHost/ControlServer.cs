using System.Net.Sockets;
using CloudPv.Dom0;

namespace CloudPv.DomainHost;

/// <summary>Listens on a domain's control socket. Who may open it is decided by the folder that it is in.</summary>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>How long a client that doesn't read its last answers can hold up the end of the process.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly Domu _domu;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stopping = new();
    private readonly HashSet<Task> _connections = [];
    private readonly Task _accepting;

    /// <exception cref="ToolstackException">The socket can't be made: another process listens there, or the folder is missing.</exception>
    public ControlServer(string path, Domu domu)
    {
        _path = path;
        _domu = domu;
        RemoveStale(path);
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            _listener.Listen();
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            _listener.Dispose();
            throw new ToolstackException($"control socket {path}: {e.Message}", e);
        }
        _accepting = AcceptAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _listener.Dispose();
        File.Delete(_path);
        Task[] left;
        lock (_connections)
            left = [.. _connections];
        await Task.WhenAny(Task.WhenAll(left), Task.Delay(Grace));
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptAsync(_stopping.Token);
                Task connection = new ControlConnection(new(client, ownsSocket: true), _domu).ServeAsync(_stopping.Token);
                lock (_connections)
                    _connections.Add(connection);
                _ = connection.ContinueWith(Forget, TaskScheduler.Default);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Forget(Task connection)
    {
        lock (_connections)
            _connections.Remove(connection);
    }

    // A killed process leaves its socket behind: nobody answers there.
    private static void RemoveStale(string path)
    {
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            File.Delete(path);
            return;
        }
        throw new ToolstackException($"control socket {path}: another process listens there");
    }
}
