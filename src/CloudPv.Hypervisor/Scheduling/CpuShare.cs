namespace CloudPv.Hypervisor;

/// <summary>What a domain gets of the host's processors, in the terms of Xen's credit scheduler.</summary>
public sealed record CpuShare
{
    public const int LeastWeight = 1, DefaultWeight = 256, GreatestWeight = 65535;

    /// <summary>A domain with twice the weight of another gets twice the time where they compete.</summary>
    public int Weight { get; init; } = DefaultWeight;

    /// <summary>The most that the vCPUs together may use, in percent of one processor; 0: no limit.</summary>
    public int Cap { get; init; }

    /// <summary>Numbers of the host's processors that the vCPUs may run on; empty: all.</summary>
    public IReadOnlyList<int> Cpus { get; init; } = [];

    /// <summary>What is wrong with it on this host, for the user; null: nothing.</summary>
    internal string? Problem(int vcpus)
    {
        if (Weight is < LeastWeight or > GreatestWeight)
            return $"a weight is {LeastWeight} to {GreatestWeight}, not {Weight}";
        if (Cap < 0 || Cap > vcpus * 100)
            return $"a cap is 1 to {vcpus * 100} percent of a processor for {vcpus} vCPUs, or 0 for none, not {Cap}";
        if (Cpus.Count == 0)
            return null;
        IReadOnlyList<int> usable = HostThread.UsableCpus();
        int[] missing = [.. Cpus.Except(usable)];
        return missing.Length == 0 ? null : $"this host has no CPU {string.Join(", ", missing)} for domains, but {string.Join(", ", usable)}";
    }

    /// <summary>The weight as nice values count it: each step is a factor of 1.25 (sched_prio_to_weight in the kernel), and the default weight is 0.</summary>
    internal int NiceOffset => Math.Clamp((int)Math.Round(Math.Log((double)DefaultWeight / Weight, 1.25)), -20, 19);
}
