using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

/// <summary>The store: the current tree, the domains known to it and everybody's watches. Clients speak to it through a <see cref="StoreSession"/> each.</summary>
public sealed class XenStore
{
    private readonly List<StoreWatch> _watches = [];
    private readonly HashSet<DomainId> _domains = [DomainId.Zero];

    public XenStore(StoreQuotas? quotas = null) => Quotas = quotas ?? new();

    public StoreQuotas Quotas { get; }

    /// <summary>The tree as it is now. A tree never changes, so it can be read at leisure.</summary>
    public StoreTree Tree { get; private set; } = StoreTree.Empty;

    /// <summary>Held for each request from its checks to its change.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Makes a domain known to all (XS_INTRODUCE).</summary>
    public void Introduce(DomainId domain)
    {
        lock (Gate)
        {
            if (_domains.Add(domain))
                FireSpecial(StorePath.IntroduceDomain);
        }
    }

    /// <summary>A domain is gone (XS_RELEASE).</summary>
    public void Release(DomainId domain)
    {
        lock (Gate)
        {
            if (_domains.Remove(domain))
                FireSpecial(StorePath.ReleaseDomain);
        }
    }

    internal bool IsIntroduced(DomainId domain) => _domains.Contains(domain);

    /// <summary>Makes a changed tree current and tells the watchers of the changes. The caller holds the gate and has checked them.</summary>
    internal void Commit(StoreTree changed, IReadOnlyList<StoreChange> changes)
    {
        StoreTree before = Tree;
        Tree = changed;
        foreach (StoreChange change in changes.DistinctBy(c => c.Path, StringComparer.Ordinal))
            Fire(change.Path, before);
    }

    internal void Add(StoreWatch watch)
    {
        _watches.Add(watch);
        watch.Fire(watch.Path);
    }

    internal void Remove(StoreWatch watch) => _watches.Remove(watch);

    private void Fire(string path, StoreTree before)
    {
        bool isRemoved = Tree.Find(path) is null;
        foreach (StoreWatch watch in _watches)
        {
            if (StorePath.IsAtOrBelow(path, watch.Path))
                FireIfReadable(watch, path, before);
            else if (isRemoved && StorePath.IsAtOrBelow(watch.Path, path) && before.Find(watch.Path) is not null)
                FireIfReadable(watch, watch.Path, before);
        }
    }

    // A change of permissions, a creation or a removal is told to whoever could read the node, or the one above it, before or after.
    private void FireIfReadable(StoreWatch watch, string path, StoreTree before)
    {
        if (CanRead(Tree, path) || CanRead(before, path) || CanRead(Tree, StorePath.Parent(path)))
            watch.Fire(path);

        bool CanRead(StoreTree tree, string node) => tree.Find(node)?.Permissions.Allows(watch.Client, StoreAccess.Read) == true;
    }

    private void FireSpecial(string name)
    {
        foreach (StoreWatch watch in _watches)
        {
            if (watch.Path == name && watch.Client == DomainId.Zero)
                watch.Fire(name);
        }
    }
}
