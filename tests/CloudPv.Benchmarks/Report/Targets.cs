namespace CloudPv.Benchmarks;

/// <summary>The targets of the engine's speed and footprint, by row.</summary>
internal static class Targets
{
    /// <summary>Names of rows that do the work of the row behind it in one process on each CPU.</summary>
    public const string SmpPrefix = "smp_";

    private static readonly Target[] Compiled = [new(3, Yardstick.Tcg), new(0.5, Yardstick.Native)];
    private static readonly Target[] Integer = [new(3, Yardstick.Tcg), new(0.7, Yardstick.Native)];
    private static readonly Target[] Vector = [new(10, Yardstick.Tcg), new(0.5, Yardstick.Native)];
    private static readonly Target[] Kernel = [new(2, Yardstick.Tcg)];
    private static readonly Target[] Parallel = [new(1.9, Yardstick.OneCpu), new(1, Yardstick.OneCpuAdvantage), new(0.9, Yardstick.HostCpus)];

    private static readonly Dictionary<string, Target[]> OfRow = new(StringComparer.Ordinal)
    {
        ["int"] = Integer,
        ["branch"] = Integer,
        ["nbody"] = Vector,
        ["matmul"] = Vector,
        ["memcpy"] = [new(3, Yardstick.Tcg), new(0.8, Yardstick.Native)],
        ["chase"] = [new(1, Yardstick.Tcg)],
        ["tlb"] = [new(1.5, Yardstick.Tcg)],
        ["aes"] = Vector,
        ["sha256"] = Vector,
        ["rsa"] = Vector,
        ["sha256sum"] = Compiled,
        ["zstd"] = Compiled,
        ["xz"] = Compiled,
        ["perl"] = Compiled,
        ["awk"] = Compiled,
        ["syscall"] = Kernel,
        ["clock"] = Kernel,
        ["stat"] = Kernel,
        ["read4k"] = Kernel,
        ["signal"] = Kernel,
        ["ctx"] = Kernel,
        ["wake"] = Kernel,
        ["fork"] = Kernel,
        ["exec"] = Kernel,
        ["fault"] = Kernel,
        ["mprotect"] = Kernel,
        ["tcp"] = Kernel,
        ["rd4k"] = [new(5, Yardstick.Tcg)],
        ["wr4k"] = [new(5, Yardstick.Tcg)],
        ["rd1m"] = [new(1.5, Yardstick.Tcg)],
        ["wr1m"] = [new(1.5, Yardstick.Tcg)],
        ["boot_first"] = [new(0.6, Yardstick.Tcg)],
        ["boot_again"] = [new(0.3, Yardstick.Tcg)],
        ["private"] = [new(40, Yardstick.Value)],
        ["launch_tiny"] = [new(50, Yardstick.Value)],
        ["launch_debian"] = [new(150, Yardstick.Value)],
        ["create_warm"] = [new(10, Yardstick.Value)],
        ["launch_growth"] = [new(1.3, Yardstick.Value)],
        ["idle_debian"] = [new(10, Yardstick.Value)],
        ["answer"] = [new(1000, Yardstick.Value)],
        ["private_idle"] = [new(40, Yardstick.Value)],
        ["private_tiny"] = [new(15, Yardstick.Value)],
    };

    public static IReadOnlyList<Target> Of(Row row) =>
        OfRow.TryGetValue(row.Name, out var targets) ? targets
        : row.Name.StartsWith(SmpPrefix, StringComparison.Ordinal) ? Parallel
        : [];
}
