using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>Which instances a list shows; each null or empty part lets all through.</summary>
public sealed record InstanceFilter(IReadOnlyList<InstanceState>? States = null, string? ImageId = null, string? InstanceType = null, string? Name = null, string? ReservationId = null);

/// <summary>The instances of an account after their launch.</summary>
public sealed class InstanceCatalogue(IDbContextFactory<CloudContext> database, HostSessions hosts, EventLog events, TimeProvider clock)
{
    /// <summary>How long a terminated instance stays listed, as EC2's hour.</summary>
    private static readonly TimeSpan TerminatedShown = TimeSpan.FromHours(1);

    public async Task<Page<Instance>> ListAsync(string accountId, InstanceFilter filter, PageRequest page, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var shownSince = clock.Now() - TerminatedShown;
        var rows = db.Instances.AsNoTracking()
            .Where(i => i.AccountId == accountId)
            .Where(i => i.State != InstanceState.Terminated || i.StateChangedAt > shownSince);
        if (filter.States is { Count: > 0 } states)
            rows = rows.Where(i => states.Contains(i.State));
        if (filter.ImageId is not null)
            rows = rows.Where(i => i.ImageId == filter.ImageId);
        if (filter.InstanceType is not null)
            rows = rows.Where(i => i.InstanceType == filter.InstanceType);
        if (filter.Name is not null)
            rows = rows.Where(i => i.Name == filter.Name);
        if (filter.ReservationId is not null)
            rows = rows.Where(i => i.ReservationId == filter.ReservationId);
        return await page.OfAsync(rows, cancel);
    }

    public async Task<Instance> GetAsync(string accountId, string id, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        return await FindAsync(db.Instances.AsNoTracking(), accountId, id, cancel);
    }

    /// <summary>Starts a stopped instance on the host that has its disk.</summary>
    public Task<Instance> StartAsync(string accountId, string id, CancellationToken cancel) => ChangeAsync(accountId, id, async (db, instance) =>
    {
        if (instance.State is InstanceState.Pending or InstanceState.Running)
            return false;
        Require(instance, "started", InstanceState.Stopped);
        if (await Placement.FreeMiBAsync(db, instance.HostId, cancel) < instance.MemoryMiB)
            throw Placement.NoRoom(1, instance.MemoryMiB);
        instance.Start(clock.Now());
        return true;
    }, cancel);

    /// <summary>Stops an instance: the guest is asked to power off; with <paramref name="force"/> its domain is destroyed.</summary>
    public Task<Instance> StopAsync(string accountId, string id, bool force, CancellationToken cancel) => ChangeAsync(accountId, id, (_, instance) =>
    {
        if (instance.State is InstanceState.Stopped || (instance.State is InstanceState.Stopping && instance.ForceStop == force))
            return Task.FromResult(false);
        Require(instance, "stopped", InstanceState.Pending, InstanceState.Running, InstanceState.Stopping);
        instance.RequestStop(force, clock.Now());
        return Task.FromResult(true);
    }, cancel);

    /// <summary>Ends an instance for good, with its disk.</summary>
    public Task<Instance> TerminateAsync(string accountId, string id, CancellationToken cancel) => ChangeAsync(accountId, id, (_, instance) =>
    {
        if (instance.State is InstanceState.ShuttingDown or InstanceState.Terminated)
            return Task.FromResult(false);
        instance.RequestTermination(clock.Now());
        return Task.FromResult(true);
    }, cancel);

    /// <summary>Asks the guest to reboot; the instance stays running.</summary>
    public async Task<Instance> RebootAsync(string accountId, string id, CancellationToken cancel)
    {
        var instance = await GetAsync(accountId, id, cancel);
        Require(instance, "rebooted", InstanceState.Running);
        await hosts.SendAsync(instance.HostId, new RebootInstance(id), cancel);
        await using var db = await database.CreateDbContextAsync(cancel);
        var asked = events.Add(db, accountId, id, "instance-reboot-requested", $"{instance.Name} was asked to reboot.");
        await db.SaveChangesAsync(cancel);
        events.Publish(asked);
        return instance;
    }

    /// <summary>What the console printed and is still kept, of running and stopped instances.</summary>
    public async Task<byte[]> ReadConsoleAsync(string accountId, string id, CancellationToken cancel)
    {
        var instance = await GetAsync(accountId, id, cancel);
        if (instance.State == InstanceState.Terminated)
            throw new CloudException(Refusal.Conflict, "IncorrectInstanceState", $"{id} is terminated: its console is gone.");
        return (await hosts.SendAsync(instance.HostId, new ReadConsole(id), cancel)).Data ?? [];
    }

    /// <summary>Attaches to the console of a running instance.</summary>
    public async Task<JsonLineConnection> AttachConsoleAsync(string accountId, string id, CancellationToken cancel)
    {
        var instance = await GetAsync(accountId, id, cancel);
        Require(instance, "watched", InstanceState.Pending, InstanceState.Running, InstanceState.Stopping);
        return await hosts.AttachConsoleAsync(instance, cancel);
    }

    private static async Task<Instance> FindAsync(IQueryable<Instance> instances, string accountId, string id, CancellationToken cancel) =>
        await instances.FirstOrDefaultAsync(i => i.AccountId == accountId && i.Id == id, cancel)
        ?? throw CloudException.NotFound("InvalidInstanceId.NotFound", $"instance {id}");

    private static void Require(Instance instance, string verb, params ReadOnlySpan<InstanceState> states)
    {
        if (!states.Contains(instance.State))
        {
            throw new CloudException(Refusal.Conflict, "IncorrectInstanceState",
                $"{instance.Id} is {instance.State.ToWord()} and can't be {verb}.");
        }
    }

    /// <summary>Changes an instance's row under its rules, as often as another change comes first.</summary>
    /// <param name="change">Says whether there is anything to save.</param>
    private async Task<Instance> ChangeAsync(string accountId, string id, Func<CloudContext, Instance, Task<bool>> change, CancellationToken cancel)
    {
        while (true)
        {
            await using var db = await database.CreateDbContextAsync(cancel);
            try
            {
                return await db.Database.CreateExecutionStrategy().ExecuteAsync(() => ChangeOnceAsync(db, accountId, id, change, cancel));
            }
            catch (DbUpdateConcurrencyException)
            {
                // Another change came first: look again.
            }
        }
    }

    private async Task<Instance> ChangeOnceAsync(
        CloudContext db, string accountId, string id, Func<CloudContext, Instance, Task<bool>> change, CancellationToken cancel)
    {
        db.ChangeTracker.Clear();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var instance = await FindAsync(db.Instances, accountId, id, cancel);
        if (!await change(db, instance))
            return instance;
        var changed = events.Add(db, accountId, id, InstanceEvents.StateChanged, InstanceEvents.Words(instance));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        events.Publish(changed);
        hosts.Wake(instance);
        return instance;
    }
}
