using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

/// <summary>One change of one node, already checked against rights and quotas; it can be applied to any tree that has what was observed when it was made.</summary>
internal abstract record StoreChange(string Path)
{
    public abstract StoreTree Apply(StoreTree tree, DomainId client);

    /// <summary>A new value; creates the node where it is missing.</summary>
    public sealed record Write(string Path, ReadOnlyMemory<byte> Value) : StoreChange(Path)
    {
        public override StoreTree Apply(StoreTree tree, DomainId client) => tree.Write(Path, Value, client);
    }

    public sealed record SetPermissions(string Path, StorePermissions Permissions) : StoreChange(Path)
    {
        public override StoreTree Apply(StoreTree tree, DomainId client) => tree.SetPermissions(Path, Permissions);
    }

    public sealed record Remove(string Path) : StoreChange(Path)
    {
        public override StoreTree Apply(StoreTree tree, DomainId client) => tree.Find(Path) is null ? tree : tree.Remove(Path);
    }
}
