using System.Collections.Immutable;
using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

/// <summary>One node as it was at one time.</summary>
/// <param name="Generation">Differs between any two states of the node that were ever current.</param>
public sealed record StoreNode(
    ReadOnlyMemory<byte> Value, StorePermissions Permissions, ImmutableSortedDictionary<string, StoreNode> Children, ulong Generation);

/// <summary>The whole store as it was at one time. A change makes a new tree that shares what stayed as it was, so a transaction's view costs nothing.</summary>
public sealed class StoreTree
{
    private static readonly ImmutableSortedDictionary<string, StoreNode> NoChildren =
        ImmutableSortedDictionary.Create<string, StoreNode>(StringComparer.Ordinal);

    private readonly ImmutableDictionary<DomainId, int> _owned;

    private StoreTree(StoreNode root, ImmutableDictionary<DomainId, int> owned)
    {
        Root = root;
        _owned = owned;
    }

    public static readonly StoreTree Empty = new(
        new(default, StorePermissions.Dom0Only, NoChildren, Generation: 0), ImmutableDictionary<DomainId, int>.Empty.Add(DomainId.Zero, 1));

    public StoreNode Root { get; }

    /// <summary>The number of nodes that a domain owns, for its quota.</summary>
    public int CountOwnedBy(DomainId domain) => _owned.GetValueOrDefault(domain);

    public StoreNode? Find(string path)
    {
        StoreNode? node = Root;
        foreach (string name in Names(path))
        {
            if (!node.Children.TryGetValue(name, out node))
                return null;
        }
        return node;
    }

    /// <summary>The node itself, or the nearest one above it that exists.</summary>
    public (string Path, StoreNode Node) FindNearest(string path)
    {
        while (true)
        {
            if (Find(path) is { } node)
                return (path, node);
            path = StorePath.Parent(path);
        }
    }

    /// <summary>Gives a node this value, creating it and whatever is missing above it with permissions inherited from the nearest node there is.</summary>
    public StoreTree Write(string path, ReadOnlyMemory<byte> value, DomainId creator)
    {
        var created = 0;
        DomainId owner = default;
        StoreNode root = Change(Root, Names(path), node => node with { Value = value }, (parent, generation) =>
        {
            StorePermissions permissions = parent.Permissions.InheritedBy(creator);
            created++;
            owner = permissions.Owner;
            return new(default, permissions, NoChildren, generation);
        });
        return new(root, created == 0 ? _owned : _owned.SetItem(owner, CountOwnedBy(owner) + created));
    }

    /// <summary>Replaces the permissions of a node that exists.</summary>
    public StoreTree SetPermissions(string path, StorePermissions permissions)
    {
        DomainId previous = Find(path)!.Permissions.Owner;
        StoreNode root = Change(Root, Names(path), node => node with { Permissions = permissions }, CannotCreate);
        ImmutableDictionary<DomainId, int> owned = _owned.SetItem(previous, CountOwnedBy(previous) - 1);
        return new(root, owned.SetItem(permissions.Owner, owned.GetValueOrDefault(permissions.Owner) + 1));
    }

    /// <summary>Removes a node that exists, other than the root, with all below it.</summary>
    public StoreTree Remove(string path)
    {
        string[] names = Names(path);
        StoreNode root = Change(Root, names.AsSpan(..^1), node => node with { Children = node.Children.Remove(names[^1]) }, CannotCreate);
        ImmutableDictionary<DomainId, int>.Builder owned = _owned.ToBuilder();
        foreach ((_, StoreNode node) in Walk(path, Find(path)!))
        {
            DomainId owner = node.Permissions.Owner;
            int left = owned[owner] - 1;
            if (left == 0)
                owned.Remove(owner);
            else
                owned[owner] = left;
        }
        return new(root, owned.ToImmutable());
    }

    /// <summary>A node and all below it, parents first.</summary>
    public static IEnumerable<(string Path, StoreNode Node)> Walk(string path, StoreNode node)
    {
        var left = new Stack<(string Path, StoreNode Node)>([(path, node)]);
        while (left.TryPop(out (string Path, StoreNode Node) next))
        {
            yield return next;
            foreach ((string name, StoreNode child) in next.Node.Children.Reverse())
                left.Push((StorePath.Child(next.Path, name), child));
        }
    }

    private StoreNode Change(StoreNode node, ReadOnlySpan<string> names, Func<StoreNode, StoreNode> change, Func<StoreNode, ulong, StoreNode> create)
    {
        // Every tree that becomes current has a root generation above all before it, so a changed node's new generation was never used.
        ulong generation = Root.Generation + 1;
        if (names.IsEmpty)
            return change(node) with { Generation = generation };
        StoreNode child = node.Children.GetValueOrDefault(names[0]) ?? create(node, generation);
        StoreNode changed = node with { Children = node.Children.SetItem(names[0], Change(child, names[1..], change, create)) };
        bool isListChanged = changed.Children.Count != node.Children.Count;
        return isListChanged || ReferenceEquals(node, Root) ? changed with { Generation = generation } : changed;
    }

    private static StoreNode CannotCreate(StoreNode parent, ulong generation) => throw new InvalidOperationException("the node does not exist");

    private static string[] Names(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);
}
