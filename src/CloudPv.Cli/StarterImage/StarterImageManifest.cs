using System.Text.Json.Serialization;

namespace CloudPv.Cli.StarterImage;

/// <summary>What <c>manifest.json</c> beside a starter image says: enough to catalogue it, and to see what it was made from.</summary>
public sealed record StarterImageManifest
{
    public const string FileName = "manifest.json";

    public required string Name { get; init; }
    public required string Description { get; init; }

    /// <summary>As EC2 names architectures: x86_64.</summary>
    public required string Architecture { get; init; }

    /// <summary>What the kernel should be given as its command line.</summary>
    public required string CommandLine { get; init; }

    /// <summary>The device that the root disk must be attached as.</summary>
    public required string RootDevice { get; init; }

    public required IReadOnlyList<ImageFile> Files { get; init; }
    public required IReadOnlyList<SourcePackage> Packages { get; init; }

    /// <param name="Kind">kernel, ramdisk or machine.</param>
    /// <param name="File">The file's name beside the manifest.</param>
    /// <param name="Size">In bytes.</param>
    /// <param name="Sha256">In lower-case hex.</param>
    public sealed record ImageFile(string Kind, string File, long Size, string Sha256);

    /// <param name="Name">A Debian package.</param>
    /// <param name="Version">Its version.</param>
    /// <param name="Sha256">The checksum of the .deb file, in lower-case hex.</param>
    public sealed record SourcePackage(string Name, string Version, string Sha256);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(StarterImageManifest))]
internal sealed partial class StarterImageJson : JsonSerializerContext;
