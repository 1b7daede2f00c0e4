using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>
/// The append-only log of what happened, and its live feed. An event is added to the context that makes the change, so
/// that both are saved or neither, and published once saved.
/// </summary>
public sealed class EventLog(IDbContextFactory<CloudContext> database, TimeProvider clock)
{
    /// <summary>A watcher that is this many events behind is cut off; it comes back and reads on from the log.</summary>
    private const int WatcherBacklog = 1024;

    /// <summary>The length of a list where none is asked for.</summary>
    public const int DefaultLimit = 100;

    private readonly ConcurrentDictionary<Channel<Event>, string> _watchers = new();

    public Event Add(CloudContext db, string accountId, string resourceId, string kind, string message)
    {
        var entry = new Event
        {
            At = clock.Now(),
            AccountId = accountId,
            ResourceId = resourceId,
            Kind = kind,
            Message = message.Length <= 1000 ? message : message[..999] + "…",
        };
        db.Events.Add(entry);
        return entry;
    }

    /// <summary>Tells the watchers. Only of what is saved.</summary>
    public void Publish(params IEnumerable<Event> saved)
    {
        foreach (var entry in saved)
        {
            foreach (var (watcher, accountId) in _watchers)
            {
                if (accountId == entry.AccountId && !watcher.Writer.TryWrite(entry))
                    watcher.Writer.TryComplete();
            }
        }
    }

    /// <summary>An account's events, newest first.</summary>
    /// <param name="resourceId">Only those of one resource.</param>
    /// <param name="before">Only those older than this id.</param>
    public async Task<IReadOnlyList<Event>> ListAsync(string accountId, string? resourceId, long? before, int? limit, CancellationToken cancel)
    {
        if (limit is < 1 or > 1000)
            throw CloudException.Invalid("limit", $"is {limit}; it can be 1 to 1000.");
        await using var db = await database.CreateDbContextAsync(cancel);
        return await db.Events.AsNoTracking()
            .Where(e => e.AccountId == accountId)
            .Where(e => resourceId == null || e.ResourceId == resourceId)
            .Where(e => before == null || e.Id < before)
            .OrderByDescending(e => e.Id).Take(limit ?? DefaultLimit).ToListAsync(cancel);
    }

    /// <summary>An account's events from now on; after <paramref name="after"/> first those that were missed since.</summary>
    public async IAsyncEnumerable<Event> WatchAsync(string accountId, long? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        var watcher = Channel.CreateBounded<Event>(WatcherBacklog);
        _watchers[watcher] = accountId;
        try
        {
            // Registered before the log is read: what is saved meanwhile comes twice, rather than never.
            if (after is not null)
            {
                await using var db = await database.CreateDbContextAsync(cancel);
                var missed = db.Events.AsNoTracking().Where(e => e.AccountId == accountId && e.Id > after).OrderBy(e => e.Id);
                await foreach (var entry in missed.AsAsyncEnumerable().WithCancellation(cancel))
                    yield return entry;
            }
            await foreach (var entry in watcher.Reader.ReadAllAsync(cancel))
                yield return entry;
        }
        finally
        {
            _watchers.TryRemove(watcher, out _);
        }
    }
}
