namespace CloudPv.Cloud;

/// <summary>A bearer key of an account. The key itself is told once, when it is made; only its hash is kept.</summary>
public sealed class AccessKey : ICreated
{
    /// <summary>As <c>ak-0123456789abcdef0</c>; names the key without telling it.</summary>
    public required string Id { get; init; }

    public required string AccountId { get; init; }

    public required string Name { get; init; }

    /// <summary>SHA-256 of the key. The key is 256 random bits, so that nothing slower is needed.</summary>
    public required byte[] KeyHash { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>From when on it no longer opens anything; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}
