using CloudPv.WorkerProtocol;
using Microsoft.Extensions.Logging;

namespace CloudPv.Worker;

/// <summary>
/// Looks after one instance on this host: its files, its record and the domain that runs for it. What it knows is saved
/// before it is told.
/// </summary>
internal sealed partial class InstanceSupervisor(
    string instanceId, DataFolder data, DomainProgram program, WarmPool warm, NetworkOnDemand network, ReportFeed feed, ILogger log) : IDisposable
{
    private readonly InstanceFolder _folder = new(data, instanceId);
    private readonly SemaphoreSlim _launching = new(1);
    private readonly Lock _saving = new();
    private InstanceRecord? _record;
    private DomainLife? _life;
    private Task _followed = Task.CompletedTask;
    private bool _removing;

    /// <summary>The domain, while there is one.</summary>
    private DomainLife? Life => _record is { State: not DomainState.Stopped } ? _life : null;

    /// <summary>Finds what an earlier worker left: a stopped instance, a domain that runs on, or one that ended meanwhile.</summary>
    /// <returns>Whether there is an instance at all.</returns>
    public bool Recover()
    {
        _record = _folder.LoadRecord();
        if (_record is null)
        {
            _folder.Remove();
            return false;
        }
        feed.Changed(_record.ToReport(instanceId));
        if (_record.State == DomainState.Stopped)
            return true;
        // A run whose process was never started is started now; else the process is found, or at least how it ended.
        var isToStart = _record.State == DomainState.Starting && !File.Exists(_folder.Pid);
        try
        {
            var plug = NewPlug(_record.Machine);
            Follow(plug, isToStart ? DomainProcess.Start(program, _folder) : DomainProcess.Adopt(_folder));
        }
        catch (WorkerRefusedException refused) when (isToStart)
        {
            Save(_record with { State = DomainState.Stopped, Reason = StopReason.BuildFailed, Detail = refused.Message });
        }
        catch (WorkerRefusedException refused)
        {
            LogUnplugged(instanceId, refused.Message);
            Follow(plug: null, DomainProcess.Adopt(_folder));
        }
        return true;
    }

    /// <summary>Starts a run of the instance, unless that run was started before.</summary>
    /// <exception cref="WorkerRefusedException">An earlier run is still there, a file of its images isn't on this host, or its network refuses it.</exception>
    public async Task LaunchAsync(int run, MachineDescription machine, CancellationToken cancel)
    {
        await _launching.WaitAsync(cancel);
        try
        {
            if (_record?.Run >= run)
                return;
            if (_removing || Life is not null)
                throw new WorkerRefusedException("The instance's domain is still there.");
            foreach (var file in (string?[])[machine.KernelSha256, machine.RamdiskSha256, machine.DiskSha256])
            {
                if (file is not null && !File.Exists(data.ImageFile(file)))
                    throw new WorkerRefusedException($"The image file {file} isn't on this host.");
            }
            _folder.Create();
            _folder.PrepareRun(machine);
            var plug = Plug(machine);
            Save(new InstanceRecord(run, machine, DomainState.Starting));
            Follow(plug, await warm.StartAsync(_folder));
        }
        finally
        {
            _launching.Release();
        }
    }

    /// <summary>Begins to stop the domain; a report tells when it has.</summary>
    public void Stop(bool force)
    {
        if (force)
            _ = Life?.DestroyAsync();
        else
            Life?.AskToPowerOff();
    }

    /// <exception cref="WorkerRefusedException">There is no domain to reboot.</exception>
    public async Task RebootAsync(CancellationToken cancel)
    {
        if (Life is null)
            throw new WorkerRefusedException("The instance's domain isn't running.");
        try
        {
            await DomainControl.SendAsync(_folder.ControlSocket, new ControlCommand("shutdown", "reboot"), cancel);
        }
        catch (IOException gone)
        {
            throw new WorkerRefusedException(gone.Message);
        }
    }

    /// <exception cref="WorkerRefusedException">There is no domain, or it ended just now.</exception>
    public async Task<JsonLineConnection> AttachConsoleAsync(CancellationToken cancel)
    {
        var life = Life ?? throw new WorkerRefusedException("The instance's domain isn't running.");
        await Task.WhenAny(life.Listening, life.Ended).WaitAsync(cancel);
        try
        {
            return (await DomainControl.OpenAsync(_folder.ControlSocket, new ControlCommand("console"), cancel)).Connection;
        }
        catch (IOException gone)
        {
            throw new WorkerRefusedException(gone.Message);
        }
    }

    public byte[] ReadConsole() => _folder.ReadConsole();

    /// <summary>Ends the domain and removes all that this host keeps of the instance.</summary>
    /// <returns>Whether this call did; false where another is at it.</returns>
    public async Task<bool> RemoveAsync()
    {
        await _launching.WaitAsync();
        var first = !_removing;
        _removing = true;
        _launching.Release();
        if (!first)
            return false;
        if (Life is { } life)
            await life.DestroyAsync();
        await _followed;
        _folder.Remove();
        return true;
    }

    public void Dispose() => _launching.Dispose();

    private NetworkPlug NewPlug(MachineDescription machine) => new(network.Get(), machine.Network, _folder.SwitchSocket);

    /// <summary>A new run's plug; an instance that never had a run leaves nothing where it is refused.</summary>
    private NetworkPlug Plug(MachineDescription machine)
    {
        try
        {
            return NewPlug(machine);
        }
        catch (WorkerRefusedException) when (_record is null)
        {
            _folder.Remove();
            throw;
        }
    }

    /// <param name="plug">Null: the domain runs on without a network.</param>
    private void Follow(NetworkPlug? plug, DomainProcess process)
    {
        _life = new DomainLife(process, _folder);
        _followed = FollowAsync(_life, plug, _record!);
    }

    private async Task FollowAsync(DomainLife life, NetworkPlug? plug, InstanceRecord started)
    {
        if (await Task.WhenAny(life.Running, life.Ended) == life.Running && started.State != DomainState.Running)
            Save(started with { State = DomainState.Running });
        warm.Fill(); // not earlier: this launch needs the processors
        var end = await life.Ended;
        if (plug is not null)
            await plug.DisposeAsync();
        Save(started with { State = DomainState.Stopped, Reason = end.Reason, Detail = end.Detail });
    }

    private void Save(InstanceRecord record)
    {
        lock (_saving)
        {
            _folder.SaveRecord(record);
            _record = record;
            feed.Changed(record.ToReport(instanceId));
        }
    }

    [LoggerMessage(LogLevel.Error, "{Instance} runs on without a network: {Why}")]
    private partial void LogUnplugged(string instance, string why);
}
