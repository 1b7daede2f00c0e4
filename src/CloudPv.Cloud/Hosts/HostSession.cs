using System.Threading.Channels;
using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace CloudPv.Cloud;

/// <summary>
/// The cloud's talk with one host: follows its worker's reports, and sends what <see cref="Reconciliation"/> asks for.
/// One loop handles everything about the host's instances, one after another. A heartbeat repeats the whole truth, so
/// whatever fails in between is done then.
/// </summary>
public sealed partial class HostSession(
    string hostId, IWorkerTransport transport, IDbContextFactory<CloudContext> database, EventLog events, ImageGarbage garbage, TimeProvider clock,
    ILogger<HostSession> log)
{
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromMilliseconds(500);

    private readonly Channel<object> _inbox = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
    private Dictionary<string, InstanceReport> _reports = [];

    public string HostId => hostId;

    public IWorkerTransport Transport => transport;

    /// <summary>Whether the worker is there right now.</summary>
    public bool Connected { get; private set; }

    /// <summary>Says that the catalogue wants something new of an instance.</summary>
    public void Wake(string instanceId) => _inbox.Writer.TryWrite(instanceId);

    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(ListenAsync(cancel), HandleAsync(cancel));

    private async Task ListenAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await foreach (var report in transport.WatchAsync(cancel))
                    _inbox.Writer.TryWrite(report);
            }
            catch (WorkerUnreachableException unreachable)
            {
                if (Connected)
                    LogWorkerLost(hostId, unreachable.Message);
                Connected = false;
                await Task.Delay(ReconnectDelay, clock, cancel);
            }
        }
    }

    private async Task HandleAsync(CancellationToken cancel)
    {
        await foreach (var item in _inbox.Reader.ReadAllAsync(cancel))
        {
            try
            {
                await HandleAsync(item, cancel);
            }
            catch (WorkerUnreachableException)
            {
                // The listener tells. The worker's next heartbeat brings this up again, as it does what failed below.
            }
            catch (Exception failed) when (!cancel.IsCancellationRequested)
            {
                LogFailed(failed, hostId);
            }
        }
    }

    private async Task HandleAsync(object item, CancellationToken cancel)
    {
        switch (item)
        {
            case string instanceId:
                await ReconcileAsync(instanceId, cancel);
                break;
            case InstanceReport report:
                _reports[report.InstanceId] = report;
                await ReconcileAsync(report.InstanceId, cancel);
                break;
            case HostReport host:
                _reports = host.Instances.ToDictionary(i => i.InstanceId);
                await SaveHeartbeatAsync(host.Host, cancel);
                foreach (var instanceId in await UnsettledAsync(cancel))
                    await ReconcileAsync(instanceId, cancel);
                break;
        }
    }

    private async Task SaveHeartbeatAsync(HostCapacity capacity, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var host = await db.Hosts.FindAsync([hostId], cancel);
        if (host is null)
        {
            host = new Host { Id = hostId, Name = capacity.Name, Cpus = capacity.Cpus, MemoryMiB = capacity.MemoryMiB, HeartbeatAt = clock.Now() };
            db.Hosts.Add(host);
        }
        (host.Name, host.Cpus, host.MemoryMiB, host.HeartbeatAt) = (capacity.Name, capacity.Cpus, capacity.MemoryMiB, clock.Now());
        await db.SaveChangesAsync(cancel);
        if (!Connected)
            LogWorkerFound(hostId, capacity.Cpus, capacity.MemoryMiB);
        Connected = true;
    }

    /// <summary>The instances of which catalogue and host disagree. A host may have very many of which they don't.</summary>
    private async Task<List<string>> UnsettledAsync(CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var reported = _reports.Keys.ToList();
        var instances = await db.Instances.AsNoTracking()
            .Where(i => i.HostId == hostId)
            .Where(i => (i.State != InstanceState.Stopped && i.State != InstanceState.Terminated) || reported.Contains(i.Id))
            .ToListAsync(cancel);
        return [.. instances.Where(i => Reconciliation.Next(i, _reports.GetValueOrDefault(i.Id)) is not Step.Nothing).Select(i => i.Id)];
    }

    private async Task ReconcileAsync(string instanceId, CancellationToken cancel)
    {
        while (true)
        {
            await using var db = await database.CreateDbContextAsync(cancel);
            var instance = await db.Instances.FirstOrDefaultAsync(i => i.Id == instanceId && i.HostId == hostId, cancel);
            if (instance is null)
                return;
            var step = Reconciliation.Next(instance, _reports.GetValueOrDefault(instanceId));
            var become = step as Step.Become ?? await SendAsync(db, instance, step, cancel);
            if (become is null)
                return;
            try
            {
                await SaveAsync(db, instance, become, cancel);
            }
            catch (DbUpdateConcurrencyException)
            {
                // Someone asked for something else in the meantime: look again.
            }
        }
    }

    private async Task SaveAsync(CloudContext db, Instance instance, Step.Become become, CancellationToken cancel)
    {
        instance.Become(become.State, become.Reason, become.Message, clock.Now());
        var changed = events.Add(db, instance.AccountId, instance.Id, InstanceEvents.StateChanged, InstanceEvents.Words(instance));
        await db.SaveChangesAsync(cancel);
        events.Publish(changed);
        if (become.State == InstanceState.Terminated)
            await garbage.CollectAsync(cancel);
    }

    /// <summary>Sends what a step asks for. A launch that the worker refuses becomes the instance's end.</summary>
    private async Task<Step.Become?> SendAsync(CloudContext db, Instance instance, Step step, CancellationToken cancel)
    {
        WorkerRequest? request = step switch
        {
            Step.Launch => new LaunchInstance(instance.Id, instance.Run, await DescribeAsync(db, instance, cancel)),
            Step.Stop => new StopInstance(instance.Id, instance.ForceStop),
            Step.Destroy => new DestroyInstance(instance.Id),
            _ => null,
        };
        if (request is null)
            return null;
        try
        {
            await transport.SendAsync(request, cancel);
        }
        catch (WorkerRefusedException refused) when (request is LaunchInstance)
        {
            return new Step.Become(instance.Run == 1 ? InstanceState.Terminated : InstanceState.Stopped, "launch-refused", refused.Message);
        }
        return null;
    }

    private static async Task<MachineDescription> DescribeAsync(CloudContext db, Instance instance, CancellationToken cancel)
    {
        var images = await db.Images.AsNoTracking()
            .Where(i => i.Id == instance.ImageId || i.Id == instance.KernelId || i.Id == instance.RamdiskId)
            .ToDictionaryAsync(i => i.Id, cancel);
        var type = await db.InstanceTypes.AsNoTracking().SingleAsync(t => t.Name == instance.InstanceType, cancel);
        return new MachineDescription(
            instance.AccountId,
            instance.Vcpus,
            instance.MemoryMiB,
            images[instance.KernelId].FileSha256!,
            instance.RamdiskId is null ? null : images[instance.RamdiskId].FileSha256,
            images[instance.ImageId].FileSha256,
            images[instance.ImageId].RootDevice ?? "xvda",
            instance.CommandLine,
            new NetworkInterface(instance.MacAddress, instance.PrivateIp, PrivateAddresses.HostName(instance.PrivateIp)),
            type.CpuWeight,
            Math.Min(type.CpuCap, 100 * instance.Vcpus));
    }

    [LoggerMessage(LogLevel.Information, "Worker of {Host} is there: {Cpus} CPUs, {MemoryMiB} MiB")]
    private partial void LogWorkerFound(string host, int cpus, int memoryMiB);

    [LoggerMessage(LogLevel.Warning, "Worker of {Host} is gone: {Why}")]
    private partial void LogWorkerLost(string host, string why);

    [LoggerMessage(LogLevel.Error, "Following {Host} failed; the next heartbeat tries again")]
    private partial void LogFailed(Exception failed, string host);
}
