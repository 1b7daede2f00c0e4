using System.Text.Json.Serialization;

namespace CloudPv.WorkerProtocol;

/// <summary>What a worker tells of its own accord to those who watch it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "report")]
[JsonDerivedType(typeof(HostReport), "host")]
[JsonDerivedType(typeof(InstanceReport), "instance")]
public abstract record WorkerReport;

/// <summary>
/// The host and every instance on it: the first report of a watch, and then the heartbeat. What it does not list, the
/// host does not have.
/// </summary>
public sealed record HostReport(HostCapacity Host, IReadOnlyList<InstanceReport> Instances) : WorkerReport;

/// <param name="Name">The host's own name.</param>
/// <param name="MemoryMiB">What instances may use in all.</param>
public sealed record HostCapacity(string Name, int Cpus, int MemoryMiB);

/// <summary>One instance's state on its host, after each change.</summary>
/// <param name="Run">Which start of the instance this tells of.</param>
/// <param name="Reason">Why it stopped; null until then.</param>
/// <param name="Detail">The reason in words, where there is more to tell.</param>
public sealed record InstanceReport(string InstanceId, int Run, DomainState State, StopReason? Reason, string? Detail) : WorkerReport;

/// <summary>A domain as its worker sees it.</summary>
public enum DomainState
{
    Starting,
    Running,
    Stopped,
}

/// <summary>Why a domain is no more.</summary>
public enum StopReason
{
    /// <summary>The guest powered off, by itself or asked to.</summary>
    Poweroff,

    /// <summary>The guest asked for a reboot and its spec says stop.</summary>
    Reboot,

    /// <summary>The guest suspended itself (SHUTDOWN_suspend); nothing saved it.</summary>
    Suspend,

    /// <summary>The guest's kernel crashed (SHUTDOWN_crash).</summary>
    Crash,

    /// <summary>The guest's watchdog fired (SHUTDOWN_watchdog).</summary>
    Watchdog,

    /// <summary>The worker ended it, as asked.</summary>
    Destroyed,

    /// <summary>The domain could not be built from its images.</summary>
    BuildFailed,

    /// <summary>Its process failed by itself, and said so.</summary>
    Failed,

    /// <summary>Its process died without a word.</summary>
    Killed,
}
