using CloudPv.Cli;

namespace CloudPv.Stress;

/// <summary>A guest's two disks, made anew for each round: xvda to swap to, xvdb with an empty file system.</summary>
internal sealed class StressDisks : IDisposable
{
    private const long Length = 1L << 30;

    private StressDisks(string folder) => (Swap, Files) = (Path.Combine(folder, "swap.img"), Path.Combine(folder, "files.img"));

    public string Swap { get; }

    public string Files { get; }

    /// <exception cref="CommandFailedException">e2fsprogs is missing.</exception>
    public static async Task<StressDisks> CreateAsync(string folder, CancellationToken cancel)
    {
        var disks = new StressDisks(folder);
        foreach (var path in new[] { disks.Swap, disks.Files })
        {
            using var file = File.Create(path);
            file.SetLength(Length);
        }

        await Tool.RunAsync("mke2fs", ["-q", "-F", "-t", "ext4", disks.Files], cancel: cancel);
        return disks;
    }

    public void Dispose()
    {
        File.Delete(Swap);
        File.Delete(Files);
    }
}
