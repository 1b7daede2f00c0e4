using System.Text.Json;
using CloudPv.Cli.Service;

namespace CloudPv.Cli.StarterImage;

/// <summary>Puts a built starter image into a service's catalogue: kernel (aki), ramdisk (ari) and the machine image (ami) that joins them.</summary>
public sealed class StarterImageRegistration(ServiceClient service)
{
    /// <summary>The machine image of that name; null: the catalogue has none.</summary>
    public async Task<ImageResource?> FindAsync(string name, CancellationToken cancel) =>
        await service.ListImagesAsync("machine", name, cancel) is [var image, ..] ? image : null;

    /// <param name="folder">Where the builder wrote it.</param>
    public async Task<ImageResource> RegisterAsync(string folder, StarterImageManifest manifest, CancellationToken cancel)
    {
        var kernel = await EnsureAsync(folder, manifest, "kernel", cancel);
        var ramdisk = await EnsureAsync(folder, manifest, "ramdisk", cancel);
        var machine = new NewImage("machine", manifest.Name, kernel.Id, ramdisk.Id, manifest.RootDevice, manifest.CommandLine);
        return await service.RegisterImageAsync(machine, FileOf(folder, manifest, "machine"), cancel);
    }

    /// <summary>The manifest of an image that was built into the folder; null: there is none.</summary>
    public static async Task<StarterImageManifest?> ReadManifestAsync(string folder, CancellationToken cancel)
    {
        var path = Path.Combine(folder, StarterImageManifest.FileName);
        if (!File.Exists(path))
            return null;
        await using var file = File.OpenRead(path);
        return await JsonSerializer.DeserializeAsync(file, StarterImageJson.Default.StarterImageManifest, cancel);
    }

    /// <summary>An attempt that was cut short may have left a kernel or ramdisk: it serves.</summary>
    private async Task<ImageResource> EnsureAsync(string folder, StarterImageManifest manifest, string kind, CancellationToken cancel)
    {
        var name = $"{manifest.Name}-{kind}";
        var sha256 = manifest.Files.First(file => file.Kind == kind).Sha256;
        var existing = await service.ListImagesAsync(kind, name, cancel);
        return existing.FirstOrDefault(image => image.Sha256 == sha256)
            ?? await service.RegisterImageAsync(new NewImage(kind, name), FileOf(folder, manifest, kind), cancel);
    }

    private static FileInfo FileOf(string folder, StarterImageManifest manifest, string kind) =>
        new(Path.Combine(folder, manifest.Files.First(file => file.Kind == kind).File));
}
