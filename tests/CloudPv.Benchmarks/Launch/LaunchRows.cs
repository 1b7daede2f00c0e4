namespace CloudPv.Benchmarks;

/// <summary>The rows of launches and of many guests on one host.</summary>
internal static class LaunchRows
{
    private const string Launch = "launch", Density = "density";

    /// <summary>API call to the console's first byte at the client, a tiny kernel.</summary>
    public static readonly Row Tiny = new(Launch, "launch_tiny", 1, "ms", Better.Lower);

    /// <summary>The same with the Debian cloud kernel.</summary>
    public static readonly Row Debian = new(Launch, "launch_debian", 1, "ms", Better.Lower);

    /// <summary>Handover to a warm domain process until the tiny kernel's first byte is out of it: somewhat more than until its first instruction.</summary>
    public static readonly Row Create = new(Launch, "create_warm", 1, "ms", Better.Lower);

    /// <summary>The last of many launches, whose guests all run, over the first: medians of a few.</summary>
    public static readonly Row Growth = new(Launch, "launch_growth", 1, "×", Better.Lower);

    /// <summary>What all guests' processes use together, once idle, in hundredths of one host processor.</summary>
    public static readonly Row Idle = new(Density, "idle_debian", 1, "%", Better.Lower);

    public static readonly Row IdleTiny = new(Density, "idle_tiny", 1, "%", Better.Lower);

    /// <summary>Web and worker meanwhile.</summary>
    public static readonly Row IdleService = new(Density, "idle_service", 0, "%", Better.Lower);

    /// <summary>The slowest guest's time to answer on its console.</summary>
    public static readonly Row Answer = new(Density, "answer", 1, "ms", Better.Lower);

    /// <summary>Memory of a guest's process beside the guest's pages, its own: the median of all.</summary>
    public static readonly Row Private = new(Density, "private_idle", 1, "MiB", Better.Lower);

    public static readonly Row PrivateTiny = new(Density, "private_tiny", 1, "MiB", Better.Lower);

    /// <summary>The guest's own pages.</summary>
    public static readonly Row Touched = new(Density, "touched_idle", 1, "MiB", Better.Lower);
}
