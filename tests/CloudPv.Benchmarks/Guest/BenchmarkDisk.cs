using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>A raw disk in memory, so that the emulation of a disk is measured and not the host's.</summary>
internal sealed class BenchmarkDisk : IDisposable
{
    private const int MiB = 512;
    private const string MemoryFolder = "/dev/shm";

    private BenchmarkDisk(string path) => Path = path;

    public string Path { get; }

    /// <exception cref="CommandFailedException">There is no memory for it.</exception>
    public static BenchmarkDisk Create()
    {
        if (new DriveInfo(MemoryFolder).AvailableFreeSpace < (long)MiB << 20)
            throw new CommandFailedException($"{MemoryFolder} has no {MiB} MiB free for the disk of group {GuestRow.Disk}; leave that group out by --rows");
        var disk = new BenchmarkDisk(System.IO.Path.Combine(MemoryFolder, $"cloudpv-bench-{Environment.ProcessId.ToInvariant()}.disk"));
        using var file = File.Create(disk.Path);
        var piece = new byte[1 << 20];
        new Random(1).NextBytes(piece); // no piece is a hole or zeros, for which there may be shortcuts
        for (var written = 0; written < MiB; written++)
            file.Write(piece);
        return disk;
    }

    public void Dispose() => File.Delete(Path);
}
