using System.Collections.Immutable;

namespace CloudPv.Benchmarks;

/// <summary>A guest and what it is to do.</summary>
/// <param name="Cpus">Virtual CPUs; on the host itself, as many of its own.</param>
/// <param name="Rows">Names of the rows to measure; none: the guest only boots.</param>
/// <param name="Seconds">For each row.</param>
/// <param name="Disk">A raw image; null: no disk.</param>
internal sealed record GuestSpec(int Cpus, int MemoryMiB, ImmutableArray<string> Rows, double Seconds, string? Disk)
{
    /// <summary>For the kernel's command line.</summary>
    public string Words => $"quiet panic=-1 time={Seconds.ToInvariant()}{(Rows.IsEmpty ? "" : $" rows={string.Join(',', Rows)}")}{(Disk is null ? "" : " disk=expected")}";
}
