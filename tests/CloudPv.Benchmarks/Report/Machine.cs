using System.Globalization;
using System.Runtime.InteropServices;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>The machine that was measured on, and the versions of what ran there.</summary>
internal sealed record Machine(string Processor, int Cpus, int MemoryMiB, string Kernel, string System, IReadOnlyDictionary<string, string> Versions)
{
    public static async Task<Machine> DescribeAsync(CancellationToken cancel) => new(
        Field("/proc/cpuinfo", "model name", ':'),
        Environment.ProcessorCount,
        (int)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20),
        Environment.OSVersion.Version.ToString(),
        Field("/etc/os-release", "PRETTY_NAME", '=').Trim('"'),
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CloudPv"] = await FirstLineAsync("git", ["describe", "--always", "--dirty", "--abbrev=12"], cancel),
            [".NET"] = RuntimeInformation.FrameworkDescription,
            ["QEMU"] = await FirstLineAsync("qemu-system-x86_64", ["--version"], cancel),
        });

    /// <summary>Processes that want a CPU, averaged over the last minute.</summary>
    public static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>Whether figures from the two can be compared.</summary>
    public bool IsLike(Machine other) => (Processor, Cpus) == (other.Processor, other.Cpus);

    private static string Field(string file, string name, char separator) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(separator, 2)[1].Trim() ?? "unknown";

    private static async Task<string> FirstLineAsync(string program, string[] arguments, CancellationToken cancel)
    {
        try
        {
            return (await Tool.RunAsync(program, arguments, cancel: cancel)).Split('\n')[0];
        }
        catch (CommandFailedException)
        {
            return "unknown"; // not a git clone, or no peer installed: said so in the report
        }
    }
}
