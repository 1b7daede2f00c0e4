using System.Collections.Concurrent;
using System.Text.Json;
using CloudPv.WorkerProtocol;
using Microsoft.Extensions.Logging;

namespace CloudPv.Worker;

/// <summary>The instances of this host.</summary>
internal sealed partial class InstanceTable(DataFolder data, DomainProgram program, WarmPool warm, NetworkOnDemand network, ReportFeed feed, ILogger<InstanceTable> log)
{
    private readonly ConcurrentDictionary<string, InstanceSupervisor> _instances = new();

    /// <summary>Finds the instances that an earlier worker left, and drops what is no instance. One that can't be read keeps nobody else from being found.</summary>
    public void Recover()
    {
        try
        {
            network.Get();
        }
        catch (WorkerRefusedException refused)
        {
            LogNoNetwork(refused.Message);
        }
        foreach (var folder in Directory.EnumerateDirectories(data.Instances))
        {
            var id = Path.GetFileName(folder);
            var instance = New(id);
            try
            {
                if (instance.Recover())
                    _instances[id] = instance;
            }
            catch (Exception unreadable) when (unreadable is JsonException or IOException)
            {
                LogRecoverFailed(unreadable, id);
            }
        }
        LogRecovered(_instances.Count);
    }

    /// <exception cref="WorkerRefusedException">There is no such instance here.</exception>
    public InstanceSupervisor Find(string id) =>
        _instances.TryGetValue(id, out var instance) ? instance : throw new WorkerRefusedException($"This host has no instance {id}.");

    public Task LaunchAsync(LaunchInstance launch, CancellationToken cancel)
    {
        LogLaunch(launch.InstanceId, launch.Run);
        return _instances.GetOrAdd(CheckedId(launch.InstanceId), New).LaunchAsync(launch.Run, launch.Machine, cancel);
    }

    /// <summary>Begins to remove an instance; a report tells when it is gone.</summary>
    public void Remove(string id)
    {
        if (_instances.TryGetValue(id, out var instance))
            _ = RemoveAsync(id, instance);
        else
            feed.Gone(id);
    }

    private static string CheckedId(string id) =>
        id.StartsWith("i-", StringComparison.Ordinal) && id.Skip(2).All(char.IsAsciiLetterOrDigit) ? id : throw new WorkerRefusedException($"'{id}' is no instance's id.");

    private async Task RemoveAsync(string id, InstanceSupervisor instance)
    {
        try
        {
            if (!await instance.RemoveAsync())
                return;
        }
        catch (IOException failed)
        {
            // Its folder stays; the next worker tries again.
            LogRemoveFailed(failed, id);
            return;
        }
        _instances.TryRemove(id, out _);
        instance.Dispose();
        feed.Gone(id);
        LogRemoved(id);
    }

    private InstanceSupervisor New(string id) => new(id, data, program, warm, network, feed, log);

    [LoggerMessage(LogLevel.Information, "Found {Count} instances")]
    private partial void LogRecovered(int count);

    [LoggerMessage(LogLevel.Error, "{Instance} can't be read; its folder is left as it is")]
    private partial void LogRecoverFailed(Exception unreadable, string instance);

    [LoggerMessage(LogLevel.Error, "No instance can be started: {Why}")]
    private partial void LogNoNetwork(string why);

    [LoggerMessage(LogLevel.Information, "Launch of {Instance}, run {Run}")]
    private partial void LogLaunch(string instance, int run);

    [LoggerMessage(LogLevel.Information, "Removed {Instance}")]
    private partial void LogRemoved(string instance);

    [LoggerMessage(LogLevel.Error, "Removing {Instance} failed")]
    private partial void LogRemoveFailed(Exception failed, string instance);
}
