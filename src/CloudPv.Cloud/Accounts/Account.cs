namespace CloudPv.Cloud;

/// <summary>Who owns images and instances.</summary>
public sealed class Account
{
    /// <summary>Twelve digits, as EC2's.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
