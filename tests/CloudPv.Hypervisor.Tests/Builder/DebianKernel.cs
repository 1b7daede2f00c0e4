using System.Diagnostics;

namespace CloudPv.Hypervisor.Tests;

/// <summary>The kernel of Debian's linux-image-cloud-amd64, downloaded once into the user's cache.</summary>
internal static class DebianKernel
{
    private static readonly Lazy<byte[]> Bytes = new(Load);

    public static byte[] Vmlinuz => Bytes.Value;

    private static byte[] Load()
    {
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/tmp", ".cache");
        string folder = Directory.CreateDirectory(Path.Combine(cache, "cloudpv", "test-kernel")).FullName;
        if (Find(folder) is null)
        {
            string package = Run(folder, "apt-cache", "depends", "linux-image-cloud-amd64").Split('\n')
                .Select(line => line.Trim()).First(line => line.StartsWith("Depends: linux-image-", StringComparison.Ordinal))["Depends: ".Length..];
            Run(folder, "apt-get", "download", package);
            Run(folder, "dpkg-deb", "--extract", Directory.GetFiles(folder, "*.deb").Single(), folder);
        }
        return File.ReadAllBytes(Find(folder)!);
    }

    private static string? Find(string folder) => Directory.EnumerateFiles(folder, "vmlinuz-*", SearchOption.AllDirectories).FirstOrDefault();

    private static string Run(string folder, string tool, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, tool);
        return output;
    }
}
