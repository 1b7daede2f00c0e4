using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>Which host has room.</summary>
internal static class Placement
{
    /// <summary>Refuses what no host could hold even if it were empty.</summary>
    public static void CheckFits(IReadOnlyCollection<Host> hosts, int memoryMiB)
    {
        var largest = hosts.MaxBy(h => h.MemoryMiB)!;
        if (memoryMiB > largest.MemoryMiB)
        {
            throw new CloudException(Refusal.NoCapacity, "InsufficientHostMemory",
                $"An instance with {memoryMiB} MiB of memory fits no host: the largest, {largest.Name}, has {largest.MemoryMiB} MiB for instances.");
        }
    }

    /// <summary>
    /// The memory of a host that no instance holds. The host's row stays locked until the transaction ends, so that no
    /// two launches take the same memory.
    /// </summary>
    public static async Task<long> FreeMiBAsync(CloudContext db, string hostId, CancellationToken cancel)
    {
        var host = await db.Hosts.FromSql($"SELECT * FROM hosts WHERE id = {hostId} FOR UPDATE").AsNoTracking().SingleAsync(cancel);
        var held = await db.Instances
            .Where(i => i.HostId == hostId && i.State != InstanceState.Stopped && i.State != InstanceState.Terminated)
            .SumAsync(i => (long)i.MemoryMiB, cancel);
        return host.MemoryMiB - held;
    }

    public static CloudException NoRoom(int count, int memoryMiB) => new(Refusal.NoCapacity, "InsufficientInstanceCapacity",
        $"No host has {count} × {memoryMiB} MiB of memory free right now: stop or terminate instances, or choose a smaller type.");
}
