namespace CloudPv.Cloud;

/// <summary>Something that happened, kept for ever. Rows are added, never changed.</summary>
public sealed class Event
{
    /// <summary>Given by the database, rising.</summary>
    public long Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string AccountId { get; init; }

    /// <summary>What it happened to.</summary>
    public required string ResourceId { get; init; }

    /// <summary>A stable name, such as <c>instance-state-changed</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>What happened, for people.</summary>
    public required string Message { get; init; }
}
