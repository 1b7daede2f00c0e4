using CloudPv.WorkerProtocol;
using Microsoft.Extensions.Logging;

namespace CloudPv.Worker;

/// <summary>
/// Keeps a few domain processes started ahead of the launches that they are for, so that none waits for a process's start. One that is given out is replaced with the
/// next <see cref="Fill"/>, one that dies while it waits at once.
/// </summary>
internal sealed partial class WarmPool(DataFolder data, DomainProgram program, ILogger<WarmPool> log) : IDisposable
{
    private const string FolderPrefix = "warm-";

    /// <summary>A host can't start more at once than it has processors for, and each takes memory of its own.</summary>
    private static readonly int Size = Math.Clamp(Environment.ProcessorCount, 1, 4);

    private readonly Lock _gate = new();
    private readonly List<WarmProcess> _processes = [];
    private int _started;
    private bool _disposed;

    /// <summary>Removes what the processes of an earlier worker left where they were killed.</summary>
    public void Recover()
    {
        foreach (var folder in Directory.EnumerateDirectories(data.Run, FolderPrefix + "*"))
            Directory.Delete(folder, recursive: true);
    }

    /// <summary>Starts what is missing.</summary>
    public void Fill()
    {
        lock (_gate)
        {
            while (!_disposed && _processes.Count < Size)
            {
                var process = WarmProcess.Start(program, Path.Combine(data.Run, $"{FolderPrefix}{Environment.ProcessId}-{++_started}"));
                _processes.Add(process);
                _ = WatchAsync(process);
            }
        }
    }

    /// <summary>The process of an instance's next run: a warm one where one is ready, or else a new one.</summary>
    public async Task<DomainProcess> StartAsync(InstanceFolder folder)
    {
        while (TakeReady() is { } warm)
        {
            if (await warm.HandOverAsync(folder) is { } process)
                return process;
            warm.Dispose();
        }
        return DomainProcess.Start(program, folder);
    }

    /// <summary>Ends the processes that wait.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _processes.ForEach(process => process.Dispose());
            _processes.Clear();
        }
    }

    private WarmProcess? TakeReady()
    {
        lock (_gate)
        {
            var ready = _processes.Find(process => process.Ready is { IsCompletedSuccessfully: true, Result: true });
            if (ready is not null)
                _processes.Remove(ready);
            return ready;
        }
    }

    private async Task WatchAsync(WarmProcess process)
    {
        var ended = process.WaitAsync();
        var wasReady = await process.Ready;
        if (wasReady)
            LogReady(process.Id);
        await ended;
        lock (_gate)
        {
            if (!_processes.Remove(process))
                return;
        }
        LogDied(process.Id);
        process.Dispose();
        // One that doesn't even get ready would do so again.
        if (wasReady)
            Fill();
    }

    [LoggerMessage(LogLevel.Debug, "Warm domain process {Id} is ready")]
    private partial void LogReady(int id);

    [LoggerMessage(LogLevel.Warning, "Warm domain process {Id} died")]
    private partial void LogDied(int id);
}
