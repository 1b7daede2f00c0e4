using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace CloudPv.WorkerProtocol;

/// <summary>The worker of this host, by the Unix socket on which it listens: one connection per request.</summary>
public sealed class UnixSocketTransport(string socketPath) : IWorkerTransport
{
    public async Task<WorkerAnswer> SendAsync(WorkerRequest request, CancellationToken cancel)
    {
        var (connection, answer) = await RequestAsync(request, cancel);
        await connection.DisposeAsync();
        return answer;
    }

    public async IAsyncEnumerable<WorkerReport> WatchAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var (connection, _) = await RequestAsync(new WatchHost(), cancel);
        await using (connection)
        {
            while (await ReachAsync(() => connection.ReadAsync(ProtocolJson.Default.WorkerReport, cancel)) is { } report)
                yield return report;
        }
        throw new WorkerUnreachableException("The worker closed the connection.");
    }

    public async Task<JsonLineConnection> AttachConsoleAsync(string instanceId, CancellationToken cancel) =>
        (await RequestAsync(new AttachConsole(instanceId), cancel)).Connection;

    private async Task<(JsonLineConnection Connection, WorkerAnswer Answer)> RequestAsync(WorkerRequest request, CancellationToken cancel)
    {
        var connection = await ReachAsync(() => ConnectAsync(cancel));
        try
        {
            var answer = await ReachAsync(async () =>
            {
                await connection.WriteAsync(request, ProtocolJson.Default.WorkerRequest, cancel);
                return await connection.ReadAsync(ProtocolJson.Default.WorkerAnswer, cancel);
            }) ?? throw new WorkerUnreachableException("The worker went away before it answered.");
            return answer.Error is null ? (connection, answer) : throw new WorkerRefusedException(answer.Error);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<JsonLineConnection> ConnectAsync(CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancel);
            return new JsonLineConnection(new NetworkStream(socket, ownsSocket: true));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<T> ReachAsync<T>(Func<Task<T>> talk)
    {
        try
        {
            return await talk();
        }
        catch (Exception broken) when (broken is SocketException or JsonException or IOException and not WorkerUnreachableException)
        {
            throw new WorkerUnreachableException($"The worker at {socketPath} can't be reached: {broken.Message}", broken);
        }
    }
}
