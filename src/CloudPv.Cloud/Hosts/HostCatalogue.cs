using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>A host and what of it is in use.</summary>
public sealed record HostUse(Host Host, bool Available, int Instances, long MemoryHeldMiB);

/// <summary>The hosts that run instances.</summary>
public sealed class HostCatalogue(IDbContextFactory<CloudContext> database, HostSessions sessions)
{
    public async Task<IReadOnlyList<HostUse>> ListAsync(CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var rows = await db.Hosts.AsNoTracking().OrderBy(h => h.Id)
            .Select(h => new
            {
                Host = h,
                Held = db.Instances
                    .Where(i => i.HostId == h.Id && i.State != InstanceState.Stopped && i.State != InstanceState.Terminated)
                    .Select(i => i.MemoryMiB).ToList(),
            })
            .ToListAsync(cancel);
        return rows.ConvertAll(r => new HostUse(r.Host, sessions.IsConnected(r.Host.Id), r.Held.Count, r.Held.Sum(m => (long)m)));
    }
}
