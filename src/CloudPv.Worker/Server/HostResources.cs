using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>What this host has for instances.</summary>
internal static class HostResources
{
    /// <summary>Kept back for the host's own programs, and for what each domain's process needs beside its guest.</summary>
    private const int ReservedMiB = 1024;

    public static HostCapacity Read() =>
        new(Environment.MachineName, Environment.ProcessorCount, Math.Max(0, (int)(MemoryBytes() >> 20) - ReservedMiB));

    /// <summary>The machine's memory, or its container's where that is less.</summary>
    private static long MemoryBytes()
    {
        const string Limit = "/sys/fs/cgroup/memory.max";
        var total = File.ReadLines("/proc/meminfo").First(l => l.StartsWith("MemTotal:", StringComparison.Ordinal));
        var bytes = long.Parse(total.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], provider: null) << 10;
        return File.Exists(Limit) && long.TryParse(File.ReadAllText(Limit), out var limit) ? Math.Min(bytes, limit) : bytes;
    }
}
