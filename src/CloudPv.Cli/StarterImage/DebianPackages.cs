using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace CloudPv.Cli.StarterImage;

/// <summary>Fetches Debian packages through the system's own apt, into a cache folder, and unpacks them; nothing is installed.</summary>
public sealed partial class DebianPackages(string cacheFolder)
{
    /// <summary>The user's cache: <c>$XDG_CACHE_HOME/cloudpv/packages</c>.</summary>
    public static DebianPackages InUserCache()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg
            ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return new DebianPackages(Path.Combine(cache, "cloudpv", "packages"));
    }

    /// <summary>The package that a kernel's metapackage stands for (linux-image-cloud-amd64 → linux-image-6.1.0-56-cloud-amd64); a real kernel package is itself.</summary>
    public static async Task<DebianPackage> FindKernelAsync(string name, CancellationToken cancel)
    {
        var fields = await ShowAsync(name, cancel);
        var image = fields.TryGetValue("Depends", out var depends) ? VersionedKernel().Match(depends) : Match.Empty;
        return image.Success && !VersionedKernel().IsMatch(name) ? await FindAsync(image.Value, cancel) : ToPackage(fields);
    }

    public static async Task<DebianPackage> FindAsync(string name, CancellationToken cancel) => ToPackage(await ShowAsync(name, cancel));

    /// <summary>Unpacks a package into a folder, downloading it unless the cache has it with the right checksum.</summary>
    public async Task UnpackAsync(DebianPackage package, string folder, CancellationToken cancel)
    {
        Directory.CreateDirectory(cacheFolder);
        var file = Path.Combine(cacheFolder, package.FileName);
        if (!File.Exists(file) || await ChecksumAsync(file, cancel) != package.Sha256)
        {
            // As root apt would fetch as user _apt, who may not write to the cache folder.
            await Tool.RunAsync("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", "download", $"{package.Name}={package.Version}"], cacheFolder, cancel: cancel);
            if (await ChecksumAsync(file, cancel) != package.Sha256)
                throw new CommandFailedException($"{file} does not have the checksum that apt's index gives for it");
        }

        await Tool.RunAsync("dpkg-deb", ["-x", file, folder], cancel: cancel);
    }

    private static async Task<string> ChecksumAsync(string file, CancellationToken cancel)
    {
        await using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancel));
    }

    private static async Task<Dictionary<string, string>> ShowAsync(string name, CancellationToken cancel)
    {
        var record = await Tool.RunAsync("apt-cache", ["show", "--quiet=0", "--no-all-versions", name], cancel: cancel);
        return record.Split('\n')
            .Where(line => line.Length > 0 && line[0] != ' ')
            .Select(line => line.Split(": ", 2))
            .Where(pair => pair.Length == 2)
            .DistinctBy(pair => pair[0], StringComparer.Ordinal)
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
    }

    private static DebianPackage ToPackage(Dictionary<string, string> fields) =>
        new(fields["Package"], fields["Version"], fields["Architecture"], fields["SHA256"]);

    [GeneratedRegex(@"linux-image-\d\S*", RegexOptions.NonBacktracking)]
    private static partial Regex VersionedKernel();
}

/// <summary>One version of a package, as apt's index describes it.</summary>
public sealed record DebianPackage(string Name, string Version, string Architecture, string Sha256)
{
    public string FileName => $"{Name}_{Version.Replace(":", "%3a", StringComparison.Ordinal)}_{Architecture}.deb";
}
