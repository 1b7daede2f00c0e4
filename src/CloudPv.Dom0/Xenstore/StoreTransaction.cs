namespace CloudPv.Dom0.Xenstore;

/// <summary>What of a node a transaction's answers depended on. Whether it exists always counts.</summary>
[Flags]
internal enum NodeFacets
{
    Existence = 0,
    Value = 1,
    Permissions = 2,
    Children = 4,
}

/// <summary>A transaction sees the store as it was at its start, with its own changes. It conflicts only where something that it was told,
/// or that decided what its changes were allowed to do, is no longer so.</summary>
internal sealed class StoreTransaction
{
    private readonly StoreTree _start;
    private readonly Dictionary<string, NodeFacets> _observed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);
    private readonly List<StoreChange> _changes = [];

    public StoreTransaction(StoreTree start) => Tree = _start = start;

    public StoreTree Tree { get; private set; }

    public IReadOnlyList<StoreChange> Changes => _changes;

    /// <summary>The size that <see cref="StoreQuotas.TransactionNodes"/> limits.</summary>
    public int Size => Math.Max(_observed.Count, _changes.Count);

    public void Observe(string path, NodeFacets facets)
    {
        if (_written.Contains(path))
            facets &= ~NodeFacets.Value;
        _observed[path] = _observed.GetValueOrDefault(path) | facets;
    }

    /// <summary>Takes a change, and the tree that it made.</summary>
    public void Add(StoreChange change, StoreTree changed)
    {
        Tree = changed;
        _changes.Add(change);
        if (change is StoreChange.Write)
            _written.Add(change.Path);
    }

    /// <summary>Whether all that was observed still holds in the current tree.</summary>
    public bool HoldsIn(StoreTree current)
    {
        if (ReferenceEquals(current, _start))
            return true;
        foreach ((string path, NodeFacets facets) in _observed)
        {
            StoreNode? before = _start.Find(path), now = current.Find(path);
            if (!ReferenceEquals(before, now) && !IsSame(before, now, facets))
                return false;
        }
        return true;
    }

    private static bool IsSame(StoreNode? before, StoreNode? now, NodeFacets facets)
    {
        if (before is null || now is null)
            return false;
        return (!facets.HasFlag(NodeFacets.Value) || before.Value.Span.SequenceEqual(now.Value.Span))
            && (!facets.HasFlag(NodeFacets.Permissions) || before.Permissions.Equals(now.Permissions))
            && (!facets.HasFlag(NodeFacets.Children) || before.Children.Keys.SequenceEqual(now.Children.Keys, StringComparer.Ordinal));
    }
}
