using System.Globalization;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>The same programs on the host itself: in the guest's files by chroot, on as many CPUs.</summary>
internal static class NativeRun
{
    /// <summary>Mounting and chroot are root's.</summary>
    public static bool IsPossible => Environment.IsPrivilegedProcess;

    /// <summary>Values by row.</summary>
    public static async Task<IReadOnlyDictionary<string, double>> StartAsync(string root, GuestSpec guest, CancellationToken cancel)
    {
        var cpus = string.Create(CultureInfo.InvariantCulture, $"0-{Math.Min(guest.Cpus, Environment.ProcessorCount) - 1}");
        var output = await Tool.RunAsync(
            "taskset",
            ["-c", cpus, "unshare", "--mount", "--propagation", "private", "sh", GuestFiles.Source("native.sh"), root, guest.Disk ?? "", guest.Seconds.ToInvariant(), .. guest.Rows],
            cancel: cancel);
        return output.Split('\n').Select(GuestLine.Parse).Where(line => line.Kind == GuestLineKind.Row).ToDictionary(line => line.Name, line => line.Value, StringComparer.Ordinal);
    }
}
