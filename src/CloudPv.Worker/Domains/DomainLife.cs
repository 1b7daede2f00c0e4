using System.Text.Json;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>Why and how a domain ended.</summary>
internal sealed record DomainEnd(StopReason Reason, string? Detail);

/// <summary>One domain's life as its control socket tells of it, from its process's start to that process's end.</summary>
internal sealed class DomainLife
{
    /// <summary>How long a guest may take to power off before its domain is destroyed.</summary>
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(60);

    /// <summary>How long a domain process may take to end when told to, before it is killed.</summary>
    private static readonly TimeSpan DestroyGrace = TimeSpan.FromSeconds(5);

    /// <summary>Between two tries to reach a process that has just started: nothing tells when it listens.</summary>
    private static readonly TimeSpan ConnectDelay = TimeSpan.FromMilliseconds(10);

    private readonly DomainProcess _process;
    private readonly InstanceFolder _folder;
    private readonly TaskCompletionSource _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _stop;

    public DomainLife(DomainProcess process, InstanceFolder folder)
    {
        (_process, _folder) = (process, folder);
        Ended = FollowAsync();
    }

    /// <summary>Done when its control socket answers.</summary>
    public Task Listening => _listening.Task;

    /// <summary>Done when its first vCPU runs.</summary>
    public Task Running => _running.Task;

    /// <summary>Done when its process is gone.</summary>
    public Task<DomainEnd> Ended { get; }

    /// <summary>Asks the guest to power off, and destroys the domain if it doesn't in time. Asking twice is asking once.</summary>
    public void AskToPowerOff() => _stop ??= PowerOffAsync();

    /// <summary>Ends the domain without asking the guest.</summary>
    public async Task DestroyAsync()
    {
        using var patience = new CancellationTokenSource(DestroyGrace);
        try
        {
            await DomainControl.SendAsync(_folder.ControlSocket, new ControlCommand("destroy"), patience.Token);
            await Ended.WaitAsync(patience.Token);
        }
        catch (Exception silent) when (silent is IOException or JsonException or OperationCanceledException)
        {
            _process.Kill();
            await Ended;
        }
    }

    private async Task PowerOffAsync()
    {
        await Task.WhenAny(Listening, Ended);
        try
        {
            await DomainControl.SendAsync(_folder.ControlSocket, new ControlCommand("shutdown", "poweroff"), CancellationToken.None);
            await Ended.WaitAsync(StopGrace);
        }
        catch (Exception refused) when (refused is IOException or JsonException or TimeoutException)
        {
            await DestroyAsync();
        }
    }

    private async Task<DomainEnd> FollowAsync()
    {
        // The caller goes on at once.
        await Task.Yield();
        while (_process.IsAlive && !await TryWatchAsync())
            await Task.Delay(ConnectDelay);
        var end = await _process.WaitAsync();
        _process.Dispose();
        return Explain(_folder.ReadExit(), end);
    }

    /// <summary>Follows the process's own word until it has no more; false where it doesn't listen yet.</summary>
    private async Task<bool> TryWatchAsync()
    {
        try
        {
            var (connection, answer) = await DomainControl.OpenAsync(_folder.ControlSocket, new ControlCommand("watch"), CancellationToken.None);
            await using (connection)
            {
                _listening.TrySetResult();
                for (var now = answer; now is not null; now = await connection.ReadAsync(ControlJson.Default.ControlAnswer, CancellationToken.None))
                {
                    if (now.State == "running")
                        _running.TrySetResult();
                }
            }
            return true;
        }
        catch (Exception broken) when (broken is IOException or JsonException)
        {
            // Not listening yet; or it died in the middle of a word, which the end of its process tells.
            return _listening.Task.IsCompleted;
        }
    }

    private DomainEnd Explain(DomainExit? exit, ProcessEnd process) => exit?.Reason switch
    {
        "poweroff" => new DomainEnd(StopReason.Poweroff, exit.Detail),
        "reboot" => new DomainEnd(StopReason.Reboot, exit.Detail),
        "suspend" => new DomainEnd(StopReason.Suspend, exit.Detail),
        "crash" => new DomainEnd(StopReason.Crash, exit.Detail),
        "watchdog" => new DomainEnd(StopReason.Watchdog, exit.Detail),
        "destroyed" => new DomainEnd(StopReason.Destroyed, exit.Detail),
        null when process.Signal is { } signal => new DomainEnd(StopReason.Killed, $"It was ended by signal {signal}."),
        null when process.Status is null => new DomainEnd(StopReason.Killed, "By which signal isn't known, as the worker was started after it."),
        _ => new DomainEnd(Running.IsCompleted ? StopReason.Failed : StopReason.BuildFailed, exit?.Detail ?? _folder.LastLogLine() ?? $"It ended with status {process.Status}."),
    };
}
