namespace CloudPv.Benchmarks;

/// <summary>The rows of a boot with nothing to do behind it. Wall times count from the start of the process.</summary>
internal static class BootRows
{
    public const string Boot = "boot";
    public const string Memory = "memory";

    /// <summary>Memory of the guest that is booted, MiB.</summary>
    public const int GuestMemoryMiB = 128;

    /// <summary>Start to init's first line, with nothing kept from an earlier launch.</summary>
    public static Row First(int cpus) => new(Boot, "boot_first", cpus, "ms", Better.Lower);

    /// <summary>The same once more, of the same files.</summary>
    public static Row Again(int cpus) => new(Boot, "boot_again", cpus, "ms", Better.Lower);

    /// <summary>Memory of the process that is its own: not the guest's pages, not files that other processes would share.</summary>
    public static Row Private(int cpus) => new(Memory, "private", cpus, "MiB", Better.Lower);

    /// <summary>All resident memory beside the guest's pages.</summary>
    public static Row Beside(int cpus) => new(Memory, "beside", cpus, "MiB", Better.Lower);

    /// <summary>The guest's pages that are resident.</summary>
    public static Row Touched(int cpus) => new(Memory, "touched", cpus, "MiB", Better.Lower);

    /// <summary>The most that was resident at once, the guest's pages with it, as the host's kernel counts: a page once for each mapping.</summary>
    public static Row Peak(int cpus) => new(Memory, "peak", cpus, "MiB", Better.Lower);
}
