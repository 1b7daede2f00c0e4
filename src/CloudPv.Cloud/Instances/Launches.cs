using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace CloudPv.Cloud;

/// <summary>What to launch, as EC2's RunInstances.</summary>
/// <param name="Count">1 where not given.</param>
/// <param name="Vcpus">Instead of the type's.</param>
/// <param name="MemoryMiB">Instead of the type's.</param>
/// <param name="KernelId">Instead of the image's.</param>
/// <param name="RamdiskId">Instead of the image's.</param>
/// <param name="CommandLine">Instead of the image's.</param>
public sealed record NewLaunch(
    string ImageId, string InstanceType, int? Count, string? Name, int? Vcpus, int? MemoryMiB, string? KernelId, string? RamdiskId, string? CommandLine);

/// <summary>One launch's instances.</summary>
public sealed record Reservation(string Id, IReadOnlyList<Instance> Instances);

/// <summary>Launches instances: checks the request, finds a host with room, writes the rows, and wakes the host's session.</summary>
public sealed class Launches(IDbContextFactory<CloudContext> database, HostSessions hosts, EventLog events, TimeProvider clock)
{
    public async Task<Reservation> LaunchAsync(string accountId, NewLaunch launch, ClientToken? token, CancellationToken cancel)
    {
        while (true)
        {
            await using var db = await database.CreateDbContextAsync(cancel);
            try
            {
                // The strategy repeats the whole of it where the connection breaks; the client token or the ids make it one launch.
                return await db.Database.CreateExecutionStrategy().ExecuteAsync(() => LaunchOnceAsync(db, accountId, launch, token, cancel));
            }
            catch (DbUpdateException raced) when (raced.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
            {
                // Another launch took the token or an address a moment earlier: look again.
            }
        }
    }

    private async Task<Reservation> LaunchOnceAsync(CloudContext db, string accountId, NewLaunch launch, ClientToken? token, CancellationToken cancel)
    {
        db.ChangeTracker.Clear();
        if (token is not null && await token.FindAsync(db, accountId, $"launch {launch}", cancel) is { } earlier)
            return await GetAsync(db, accountId, earlier, cancel);
        var machine = await CheckAsync(db, accountId, launch, cancel);

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var hostId = await PlaceAsync(db, machine, cancel);
        var instances = await CreateAsync(db, accountId, hostId, machine, cancel);
        token?.Add(db, accountId, $"launch {launch}", instances[0].ReservationId);
        var launched = instances.ConvertAll(i => events.Add(db, accountId, i.Id, InstanceEvents.StateChanged, InstanceEvents.Words(i)));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);

        events.Publish(launched);
        instances.ForEach(hosts.Wake);
        return new Reservation(instances[0].ReservationId, instances);
    }

    private static async Task<Reservation> GetAsync(CloudContext db, string accountId, string reservationId, CancellationToken cancel) => new(
        reservationId,
        await db.Instances.AsNoTracking().Where(i => i.AccountId == accountId && i.ReservationId == reservationId).OrderBy(i => i.LaunchIndex).ToListAsync(cancel));

    private static async Task<Machine> CheckAsync(CloudContext db, string accountId, NewLaunch launch, CancellationToken cancel)
    {
        var count = launch.Count ?? 1;
        if (count is < 1 or > InstanceRules.MostInstances)
            throw CloudException.Invalid("count", $"is {count}; one launch can have 1 to {InstanceRules.MostInstances} instances.");
        if (launch.Name is { Length: > 128 })
            throw CloudException.Invalid("name", "has more than 128 characters.");
        InstanceRules.CheckCommandLine(launch.CommandLine);

        var type = await db.InstanceTypes.FindAsync([launch.InstanceType], cancel)
            ?? throw CloudException.Invalid("instanceType", $"there is no type '{launch.InstanceType}'.");
        var (vcpus, memoryMiB) = (launch.Vcpus ?? type.Vcpus, launch.MemoryMiB ?? type.MemoryMiB);
        InstanceRules.CheckSize(vcpus, memoryMiB);

        var image = await ImageAsync(db, accountId, launch.ImageId, ImageKind.Machine, "imageId", cancel);
        var kernelId = launch.KernelId ?? image.KernelId!;
        var ramdiskId = launch.RamdiskId ?? image.RamdiskId;
        await ImageAsync(db, accountId, kernelId, ImageKind.Kernel, "kernelId", cancel);
        if (ramdiskId is not null)
            await ImageAsync(db, accountId, ramdiskId, ImageKind.Ramdisk, "ramdiskId", cancel);
        return new Machine(
            count, launch.Name is { Length: > 0 } ? launch.Name : image.Name, image.Id, kernelId, ramdiskId, type.Name, vcpus, memoryMiB, launch.CommandLine ?? image.CommandLine!);
    }

    private static async Task<Image> ImageAsync(
        CloudContext db, string accountId, string id, ImageKind kind, string parameter, CancellationToken cancel)
    {
        var image = await db.Images.AsNoTracking().FirstOrDefaultAsync(i => i.AccountId == accountId && i.Id == id && i.DeregisteredAt == null, cancel)
            ?? throw CloudException.NotFound("InvalidImageId.NotFound", $"image {id}");
        return image.Kind == kind ? image
            : throw CloudException.Invalid(parameter, $"{id} is a {image.Kind} image, not a {kind} image.".ToLowerInvariant());
    }

    private async Task<string> PlaceAsync(CloudContext db, Machine machine, CancellationToken cancel)
    {
        var known = await db.Hosts.AsNoTracking().OrderBy(h => h.Id).ToListAsync(cancel);
        var connected = known.FindAll(h => hosts.IsConnected(h.Id));
        if (connected.Count == 0)
            throw new CloudException(Refusal.Unavailable, "HostUnavailable", "No host is available at the moment; try again soon.");
        Placement.CheckFits(connected, machine.MemoryMiB);
        foreach (var host in connected)
        {
            if (await Placement.FreeMiBAsync(db, host.Id, cancel) >= (long)machine.MemoryMiB * machine.Count)
                return host.Id;
        }
        throw Placement.NoRoom(machine.Count, machine.MemoryMiB);
    }

    private async Task<List<Instance>> CreateAsync(CloudContext db, string accountId, string hostId, Machine machine, CancellationToken cancel)
    {
        var taken = await db.Instances.Where(i => i.State != InstanceState.Terminated).Select(i => new { i.PrivateIp, i.MacAddress }).ToListAsync(cancel);
        var addresses = taken.Select(t => t.PrivateIp).ToHashSet(StringComparer.Ordinal);
        var macs = taken.Select(t => t.MacAddress).ToHashSet(StringComparer.Ordinal);
        var reservationId = ResourceId.New("r");
        var now = clock.Now();
        var instances = new List<Instance>();
        for (var index = 0; index < machine.Count; index++)
        {
            var instance = new Instance
            {
                Id = ResourceId.New("i"),
                AccountId = accountId,
                ReservationId = reservationId,
                LaunchIndex = index,
                Name = machine.Name,
                ImageId = machine.ImageId,
                KernelId = machine.KernelId,
                RamdiskId = machine.RamdiskId,
                InstanceType = machine.InstanceType,
                Vcpus = machine.Vcpus,
                MemoryMiB = machine.MemoryMiB,
                CommandLine = machine.CommandLine,
                HostId = hostId,
                MacAddress = PrivateAddresses.NextMac(macs),
                PrivateIp = PrivateAddresses.NextIp(addresses),
                CreatedAt = now,
            };
            instance.Start(now);
            addresses.Add(instance.PrivateIp);
            macs.Add(instance.MacAddress);
            instances.Add(instance);
        }
        db.Instances.AddRange(instances);
        return instances;
    }

    /// <summary>A checked request.</summary>
    private sealed record Machine(
        int Count, string Name, string ImageId, string KernelId, string? RamdiskId, string InstanceType, int Vcpus, int MemoryMiB, string CommandLine);
}
