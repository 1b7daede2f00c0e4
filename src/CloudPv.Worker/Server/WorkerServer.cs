using System.Net.Sockets;
using System.Text.Json;
using CloudPv.WorkerProtocol;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudPv.Worker;

/// <summary>Listens on the worker's Unix socket: one request per connection, each with its answer and what follows it.</summary>
internal sealed partial class WorkerServer(
    DataFolder data, DomainProgram program, WarmPool warm, InstanceTable instances, ReportFeed feed, TimeProvider clock, ILogger<WorkerServer> log) : BackgroundService
{
    /// <summary>Between two reports of the whole host.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    private FileLock? _onlyWorker;
    private Socket? _listener;

    /// <exception cref="InvalidOperationException">Another worker has the data folder.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _onlyWorker = FileLock.TryTake(Path.Combine(data.Run, "worker.lock"))
            ?? throw new InvalidOperationException($"Another worker runs on {data.Root}.");
        warm.Recover();
        instances.Recover();
        File.Delete(data.WorkerSocket);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(data.WorkerSocket));
        _listener.Listen();
        warm.Fill();
        LogListening(data.WorkerSocket, program.Path);
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _listener?.Dispose();
        _onlyWorker?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var heartbeat = clock.CreateTimer(_ => feed.Heartbeat(), null, Heartbeat, Heartbeat);
        while (true)
            _ = ServeAsync(await _listener!.AcceptAsync(stoppingToken), stoppingToken);
    }

    private async Task ServeAsync(Socket socket, CancellationToken stopping)
    {
        try
        {
            await using var connection = new JsonLineConnection(new NetworkStream(socket, ownsSocket: true));
            switch (await connection.ReadAsync(ProtocolJson.Default.WorkerRequest, stopping))
            {
                case WatchHost:
                    await ServeWatchAsync(connection, stopping);
                    break;
                case AttachConsole attach:
                    await ServeConsoleAsync(connection, attach, stopping);
                    break;
                case { } request:
                    await AnswerAsync(connection, await TryCarryOutAsync(request, stopping), stopping);
                    break;
            }
        }
        catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException)
        {
            // The other side has gone, or this one is about to.
        }
        catch (JsonException malformed)
        {
            LogMalformed(malformed);
        }
    }

    private async Task<WorkerAnswer> TryCarryOutAsync(WorkerRequest request, CancellationToken cancel)
    {
        try
        {
            return await CarryOutAsync(request, cancel);
        }
        catch (WorkerRefusedException refused)
        {
            return WorkerAnswer.Refused(refused.Message);
        }
        catch (Exception failed) when (!cancel.IsCancellationRequested)
        {
            LogFailed(failed, request);
            return WorkerAnswer.Refused($"The worker failed: {failed.Message}");
        }
    }

    private async Task<WorkerAnswer> CarryOutAsync(WorkerRequest request, CancellationToken cancel)
    {
        switch (request)
        {
            case LaunchInstance launch:
                await instances.LaunchAsync(launch, cancel);
                return WorkerAnswer.Done;
            case StopInstance stop:
                instances.Find(stop.InstanceId).Stop(stop.Force);
                return WorkerAnswer.Done;
            case RebootInstance reboot:
                await instances.Find(reboot.InstanceId).RebootAsync(cancel);
                return WorkerAnswer.Done;
            case DestroyInstance destroy:
                instances.Remove(destroy.InstanceId);
                return WorkerAnswer.Done;
            case InspectImage inspect:
                return new WorkerAnswer(Image: await program.InspectAsync(Path.Combine(data.IncomingImages, Path.GetFileName(inspect.FileName)), cancel));
            case ReadConsole read:
                return new WorkerAnswer(Data: instances.Find(read.InstanceId).ReadConsole());
            default:
                return WorkerAnswer.Refused($"This worker doesn't know {request.GetType().Name}.");
        }
    }

    private async Task ServeWatchAsync(JsonLineConnection connection, CancellationToken stopping)
    {
        await AnswerAsync(connection, WorkerAnswer.Done, stopping);
        var reports = feed.Watch();
        try
        {
            await foreach (var report in reports.Reader.ReadAllAsync(stopping))
                await connection.WriteAsync(report, ProtocolJson.Default.WorkerReport, stopping);
        }
        finally
        {
            feed.Unwatch(reports);
        }
    }

    private async Task ServeConsoleAsync(JsonLineConnection connection, AttachConsole attach, CancellationToken stopping)
    {
        JsonLineConnection console;
        try
        {
            console = await instances.Find(attach.InstanceId).AttachConsoleAsync(stopping);
        }
        catch (WorkerRefusedException refused)
        {
            await AnswerAsync(connection, WorkerAnswer.Refused(refused.Message), stopping);
            return;
        }
        await using (console)
        {
            await AnswerAsync(connection, WorkerAnswer.Done, stopping);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var output = console.Input.CopyToAsync(connection.Output, ended.Token);
            var input = connection.Input.CopyToAsync(console.Output, ended.Token);
            await Task.WhenAny(output, input);
            await ended.CancelAsync();
            await Task.WhenAll(output, input);
        }
    }

    private static Task AnswerAsync(JsonLineConnection connection, WorkerAnswer answer, CancellationToken cancel) =>
        connection.WriteAsync(answer, ProtocolJson.Default.WorkerAnswer, cancel);

    [LoggerMessage(LogLevel.Information, "Listening on {Socket}; domains run by {Program}")]
    private partial void LogListening(string socket, string program);

    [LoggerMessage(LogLevel.Warning, "A request that isn't one")]
    private partial void LogMalformed(Exception malformed);

    [LoggerMessage(LogLevel.Error, "{Request} failed")]
    private partial void LogFailed(Exception failed, WorkerRequest request);
}
