namespace CloudPv.Cloud;

/// <summary>What kind of refusal a <see cref="CloudException"/> is; who speaks HTTP maps each to a status.</summary>
public enum Refusal
{
    /// <summary>The request itself is wrong.</summary>
    Invalid,

    /// <summary>There is no such resource in the caller's account.</summary>
    NotFound,

    /// <summary>The resource's state, or another request, stands against it.</summary>
    Conflict,

    /// <summary>The content isn't what it should be.</summary>
    Unprocessable,

    /// <summary>There is more content than was announced.</summary>
    TooLarge,

    /// <summary>The content did not arrive as it was sent.</summary>
    Corrupted,

    /// <summary>No host has room for it.</summary>
    NoCapacity,

    /// <summary>A part of the service that it needs is away; the same request may work later.</summary>
    Unavailable,
}

/// <summary>A request that the cloud refuses.</summary>
/// <param name="refusal">The kind of refusal.</param>
/// <param name="code">Stable name for programs, in EC2's manner: <c>InvalidInstanceId.NotFound</c>.</param>
/// <param name="message">What is wrong, for people.</param>
public sealed class CloudException(Refusal refusal, string code, string message) : Exception(message)
{
    public Refusal Refusal { get; } = refusal;

    public string Code { get; } = code;

    public static CloudException Invalid(string parameter, string message) =>
        new(Refusal.Invalid, "InvalidParameterValue", $"{parameter}: {message}");

    public static CloudException NotFound(string code, string what) =>
        new(Refusal.NotFound, code, $"There is no {what}.");
}
