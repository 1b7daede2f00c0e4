using CloudPv.Hypervisor;
using CloudPv.Xen;

namespace CloudPv.Dom0.Block;

/// <summary>Pages that a frontend with <c>feature-persistent</c> uses again and again, kept mapped. For one caller at a time.</summary>
internal sealed class PersistentGrants(IGuest guest) : IDisposable
{
    /// <summary>blkback's max_persistent_grants.</summary>
    private const int Limit = 1056;

    private readonly Dictionary<GrantRef, Entry> _entries = [];
    private long _uses;

    /// <summary>Maps a page for reading and writing, as the protocol has it, or takes it as mapped before. To be given back by <see cref="Release"/>.</summary>
    public GrantStatus TryTake(GrantRef reference, out GuestPage? page)
    {
        if (!_entries.TryGetValue(reference, out Entry? entry))
        {
            GrantStatus status = guest.TryMapGrant(reference, readOnly: false, out page);
            if (status != GrantStatus.Okay)
                return status;
            if (_entries.Count >= Limit)
                Shrink();
            _entries.Add(reference, entry = new(page!));
        }
        entry.Users++;
        entry.LastUse = ++_uses;
        page = entry.Page;
        return GrantStatus.Okay;
    }

    public void Release(GrantRef reference) => _entries[reference].Users--;

    public void Dispose()
    {
        foreach (Entry entry in _entries.Values)
            entry.Page.Dispose();
        _entries.Clear();
    }

    // Lets go of the twentieth part that was not used for the longest. A ring's slots bound how many are in use at once.
    private void Shrink()
    {
        foreach ((GrantRef reference, Entry entry) in _entries.Where(e => e.Value.Users == 0).OrderBy(e => e.Value.LastUse).Take(Limit / 20).ToArray())
        {
            entry.Page.Dispose();
            _entries.Remove(reference);
        }
    }

    private sealed class Entry(GuestPage page)
    {
        public GuestPage Page => page;
        public int Users { get; set; }
        public long LastUse { get; set; }
    }
}
