using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud;

/// <summary>
/// An instance: what it was launched as, where it runs, and its state. The state changes by the methods here alone;
/// of two changes at once, <see cref="Version"/> lets one be saved.
/// </summary>
public sealed class Instance : ICreated
{
    public required string Id { get; init; }

    public required string AccountId { get; init; }

    /// <summary>The launch that it came with, as <c>r-</c> and 17 hex digits.</summary>
    public required string ReservationId { get; init; }

    /// <summary>Its place in that launch, from 0.</summary>
    public required int LaunchIndex { get; init; }

    public required string Name { get; init; }

    public required string ImageId { get; init; }

    public required string KernelId { get; init; }

    public string? RamdiskId { get; init; }

    public required string InstanceType { get; init; }

    public required int Vcpus { get; init; }

    public required int MemoryMiB { get; init; }

    public required string CommandLine { get; init; }

    public required string HostId { get; init; }

    public required string MacAddress { get; init; }

    /// <summary>IPv4, its own as long as it isn't terminated.</summary>
    public required string PrivateIp { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its last start was asked for.</summary>
    public DateTimeOffset LaunchedAt { get; private set; }

    public InstanceState State { get; private set; }

    /// <summary>When the state last changed.</summary>
    public DateTimeOffset StateChangedAt { get; private set; }

    /// <summary>Why it is in this state, where it isn't plain: a stable name such as <c>crash</c>.</summary>
    public string? StateReason { get; private set; }

    /// <summary>The reason for people.</summary>
    public string? StateMessage { get; private set; }

    /// <summary>Counts its starts: 1 for the launch.</summary>
    public int Run { get; private set; }

    /// <summary>A stop that doesn't wait for the guest.</summary>
    public bool ForceStop { get; private set; }

    /// <summary>xmin.</summary>
    public uint Version { get; init; }

    /// <summary>Whether its domain holds memory of its host.</summary>
    public bool HoldsMemory => State is not (InstanceState.Stopped or InstanceState.Terminated);

    /// <summary>The first start, or the next one.</summary>
    public void Start(DateTimeOffset now)
    {
        Run++;
        LaunchedAt = now;
        ForceStop = false;
        Become(InstanceState.Pending, null, null, now);
    }

    public void RequestStop(bool force, DateTimeOffset now)
    {
        ForceStop |= force;
        if (State != InstanceState.Stopping)
            Become(InstanceState.Stopping, "user-request", "Stopped by a request.", now);
    }

    public void RequestTermination(DateTimeOffset now) =>
        Become(InstanceState.ShuttingDown, "user-request", "Terminated by a request.", now);

    /// <summary>What its host reports.</summary>
    public void Become(InstanceState state, string? reason, string? message, DateTimeOffset now)
    {
        State = state;
        StateReason = reason;
        StateMessage = message is { Length: > 1000 } ? message[..999] + "…" : message;
        StateChangedAt = now;
    }
}
