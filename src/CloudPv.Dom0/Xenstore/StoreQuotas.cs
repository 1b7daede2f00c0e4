namespace CloudPv.Dom0.Xenstore;

/// <summary>What one guest may use of the store; dom0 has no limits. The defaults are Xen's.</summary>
public sealed record StoreQuotas
{
    /// <summary>Nodes that a guest owns.</summary>
    public int Nodes { get; init; } = 1000;

    public int Watches { get; init; } = 128;

    /// <summary>Transactions open at once.</summary>
    public int Transactions { get; init; } = 10;

    /// <summary>Nodes that one transaction looks at, and changes that it makes.</summary>
    public int TransactionNodes { get; init; } = 1024;

    /// <summary>Bytes of a node's value.</summary>
    public int EntrySize { get; init; } = 2048;

    /// <summary>Entries of a node's permission list.</summary>
    public int Permissions { get; init; } = 5;
}
