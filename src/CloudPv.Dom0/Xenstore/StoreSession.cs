using System.Diagnostics.CodeAnalysis;
using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

/// <summary>One client of the store: its rights, watches and open transactions. Every request is answered with an error value; none throws.
/// Transaction 0 means none. From any thread.</summary>
public sealed class StoreSession(XenStore store, DomainId client) : IDisposable
{
    private readonly List<StoreWatch> _watches = [];
    private readonly Dictionary<uint, StoreTransaction> _transactions = [];
    private uint _lastTransactionId;

    public DomainId Client => client;

    private bool IsGuest => client != DomainId.Zero;

    public StoreError Read(uint transactionId, string path, out ReadOnlyMemory<byte> value)
    {
        StoreError error = Look(transactionId, path, NodeFacets.Value, out StoreNode? node);
        value = node?.Value ?? default;
        return error;
    }

    /// <summary>Finds a node whose children the client may list.</summary>
    public StoreError List(uint transactionId, string path, out StoreNode? node) => Look(transactionId, path, NodeFacets.Children, out node);

    public StoreError GetPermissions(uint transactionId, string path, out StorePermissions? permissions)
    {
        StoreError error = Look(transactionId, path, NodeFacets.Permissions, out StoreNode? node);
        permissions = node?.Permissions;
        return error;
    }

    public StoreError Write(uint transactionId, string path, ReadOnlyMemory<byte> value)
    {
        lock (store.Gate)
        {
            if (IsGuest && value.Length > store.Quotas.EntrySize)
                return StoreError.ENOSPC;
            StoreError error = Find(transactionId, path, StoreAccess.Write, NodeFacets.Existence, out View view);
            return error == StoreError.None ? Change(view, new StoreChange.Write(view.Path, value)) : error;
        }
    }

    /// <summary>Creates a node that is missing; one that exists stays as it is.</summary>
    public StoreError MakeDirectory(uint transactionId, string path)
    {
        lock (store.Gate)
        {
            StoreError error = Find(transactionId, path, StoreAccess.Write, NodeFacets.Existence, out View view);
            return error == StoreError.None && view.Node is null ? Change(view, new StoreChange.Write(view.Path, default)) : error;
        }
    }

    /// <summary>Removes a node with all below it. One that is missing below a node that exists is no error.</summary>
    public StoreError Remove(uint transactionId, string path)
    {
        lock (store.Gate)
        {
            StoreError error = Find(transactionId, path, StoreAccess.Write, NodeFacets.Existence, out View view);
            if (error != StoreError.None)
                return error;
            if (view.Path == StorePath.Root)
                return StoreError.EINVAL;
            if (view.Node is null)
                return view.Tree.Find(StorePath.Parent(view.Path)) is null ? StoreError.ENOENT : StoreError.None;
            return Change(view, new StoreChange.Remove(view.Path));
        }
    }

    public StoreError SetPermissions(uint transactionId, string path, StorePermissions permissions)
    {
        lock (store.Gate)
        {
            StoreError error = Find(transactionId, path, StoreAccess.Write, NodeFacets.Permissions, out View view);
            if (error != StoreError.None)
                return error;
            if (view.Node is null)
                return StoreError.ENOENT;
            if (IsGuest && view.Node.Permissions.Owner != client)
                return StoreError.EACCES;
            if (IsGuest && permissions.Owner != client)
                return StoreError.EPERM;
            if (IsGuest && permissions.Count > store.Quotas.Permissions)
                return StoreError.ENOSPC;
            return Change(view, new StoreChange.SetPermissions(view.Path, permissions));
        }
    }

    public StoreError StartTransaction(out uint id)
    {
        lock (store.Gate)
        {
            id = 0;
            if (IsGuest && _transactions.Count >= store.Quotas.Transactions)
                return StoreError.ENOSPC;
            do
                id = ++_lastTransactionId;
            while (id == 0 || _transactions.ContainsKey(id));
            _transactions.Add(id, new(store.Tree));
            return StoreError.None;
        }
    }

    /// <summary>Ends a transaction; EAGAIN where it was to be committed and something that it relied on has changed.</summary>
    public StoreError EndTransaction(uint id, bool commit)
    {
        lock (store.Gate)
        {
            if (!_transactions.Remove(id, out StoreTransaction? transaction))
                return StoreError.ENOENT;
            if (!commit || transaction.Changes.Count == 0)
                return StoreError.None;
            if (!transaction.HoldsIn(store.Tree))
                return StoreError.EAGAIN;
            StoreTree changed = transaction.Changes.Aggregate(store.Tree, (tree, change) => change.Apply(tree, client));
            if (ExceedsNodes(store.Tree, changed))
                return StoreError.ENOSPC;
            store.Commit(changed, transaction.Changes);
            return StoreError.None;
        }
    }

    /// <summary>Watches a path; it fires once at once.</summary>
    /// <param name="onEvent">Gets path and token, with the store locked: must only take note.</param>
    public StoreError Watch(string path, string token, Action<string, string> onEvent)
    {
        lock (store.Gate)
        {
            if (!TryWatchPath(path, out string? absolute))
                return StoreError.EINVAL;
            if (FindWatch(absolute, token) is not null)
                return StoreError.EEXIST;
            if (IsGuest && _watches.Count >= store.Quotas.Watches)
                return StoreError.E2BIG;
            bool isRelative = !path.StartsWith('/') && !StorePath.IsSpecial(path);
            var watch = new StoreWatch(client, absolute, token, isRelative ? StorePath.Home(client) + "/" : "", onEvent);
            _watches.Add(watch);
            store.Add(watch);
            return StoreError.None;
        }
    }

    public StoreError Unwatch(string path, string token)
    {
        lock (store.Gate)
        {
            if (!TryWatchPath(path, out string? absolute))
                return StoreError.EINVAL;
            if (FindWatch(absolute, token) is not { } watch)
                return StoreError.ENOENT;
            _watches.Remove(watch);
            store.Remove(watch);
            return StoreError.None;
        }
    }

    /// <summary>Drops all watches and open transactions (XS_RESET_WATCHES, and whenever a client starts anew).</summary>
    public void Reset()
    {
        lock (store.Gate)
        {
            foreach (StoreWatch watch in _watches)
                store.Remove(watch);
            _watches.Clear();
            _transactions.Clear();
        }
    }

    public bool IsIntroduced(DomainId domain)
    {
        lock (store.Gate)
            return store.IsIntroduced(domain);
    }

    public void Dispose() => Reset();

    private StoreError Look(uint transactionId, string path, NodeFacets facets, out StoreNode? node)
    {
        lock (store.Gate)
        {
            node = null;
            StoreError error = Find(transactionId, path, StoreAccess.Read, facets, out View view);
            if (error != StoreError.None)
                return error;
            node = view.Node;
            return node is null ? StoreError.ENOENT : StoreError.None;
        }
    }

    // The right to a node that is missing is the right to the nearest one above it: only who has that learns that it is missing.
    private StoreError Find(uint transactionId, string path, StoreAccess access, NodeFacets facets, out View view)
    {
        view = default;
        if (!StorePath.TryCanonicalize(client, path, out string absolute))
            return StoreError.EINVAL;
        StoreTransaction? transaction = null;
        if (transactionId != 0 && !_transactions.TryGetValue(transactionId, out transaction))
            return StoreError.ENOENT;
        if (IsGuest && transaction?.Size >= store.Quotas.TransactionNodes)
            return StoreError.ENOSPC;
        StoreTree tree = transaction?.Tree ?? store.Tree;
        (string nearest, StoreNode node) = tree.FindNearest(absolute);
        transaction?.Observe(absolute, facets);
        transaction?.Observe(nearest, NodeFacets.Permissions);
        if (!node.Permissions.Allows(client, access))
            return StoreError.EACCES;
        view = new(absolute, tree, nearest == absolute ? node : null, transaction);
        return StoreError.None;
    }

    private StoreError Change(View view, StoreChange change)
    {
        StoreTree changed = change.Apply(view.Tree, client);
        if (ExceedsNodes(view.Tree, changed))
            return StoreError.ENOSPC;
        if (view.Transaction is { } transaction)
            transaction.Add(change, changed);
        else
            store.Commit(changed, [change]);
        return StoreError.None;
    }

    private bool ExceedsNodes(StoreTree before, StoreTree after) =>
        IsGuest && after.CountOwnedBy(client) > Math.Max(store.Quotas.Nodes, before.CountOwnedBy(client));

    private bool TryWatchPath(string path, [NotNullWhen(true)] out string? absolute)
    {
        absolute = path;
        return StorePath.IsSpecial(path) ? StorePath.IsValidSpecial(path) : StorePath.TryCanonicalize(client, path, out absolute);
    }

    private StoreWatch? FindWatch(string path, string token) => _watches.Find(watch => watch.Path == path && watch.Token == token);

    /// <summary>A path that the client may access as it asked, and the node there, if any.</summary>
    private readonly record struct View(string Path, StoreTree Tree, StoreNode? Node, StoreTransaction? Transaction);
}
