namespace CloudPv.Cloud;

/// <summary>A machine that runs instances, as its worker last reported it.</summary>
public sealed class Host
{
    /// <summary>How the cloud reaches its worker, such as <c>unix:/var/lib/cloudpv/run/worker.sock</c>; also what it is known by.</summary>
    public required string Id { get; init; }

    public required string Name { get; set; }

    public required int Cpus { get; set; }

    /// <summary>What instances may use in all.</summary>
    public required int MemoryMiB { get; set; }

    /// <summary>When its worker last reported.</summary>
    public required DateTimeOffset HeartbeatAt { get; set; }
}
