using CloudPv.Cli.StarterImage;

[assembly: AssemblyFixture(typeof(CloudPv.Cli.Tests.BuiltStarterImage))]

namespace CloudPv.Cli.Tests;

/// <summary>The starter image, built once for all tests.</summary>
public sealed class BuiltStarterImage : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudpv-starter-test-");

    public string Folder => _folder.FullName;

    public string RootDisk => Path.Combine(Folder, "root.img");

    public StarterImageManifest Manifest { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Manifest = await new StarterImageBuilder(DebianPackages.InUserCache(), StarterImageBuilder.DefaultKernelPackage).BuildAsync(Folder, CancellationToken.None);

    public Task<string> DebugfsAsync(string request, CancellationToken cancel) => Tool.RunAsync("debugfs", ["-R", request, RootDisk], cancel: cancel);

    /// <summary>Copies a file out of the root disk.</summary>
    public async Task<string> ExtractAsync(string file, CancellationToken cancel)
    {
        var copy = Path.Combine(Folder, Path.GetFileName(file));
        await DebugfsAsync($"dump {file} {copy}", cancel);
        return copy;
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
