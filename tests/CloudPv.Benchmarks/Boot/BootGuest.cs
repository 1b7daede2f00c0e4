using System.Text;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Benchmarks;

/// <summary>The guest that both engines boot: a Debian kernel, and an uncompressed ramdisk whose init prints one line and powers off.</summary>
/// <param name="Kernel">vmlinuz, as Debian packages it.</param>
/// <param name="Ramdisk">A cpio archive with busybox.</param>
internal sealed record BootGuest(string Kernel, string Ramdisk)
{
    /// <summary>What init prints when user space runs.</summary>
    public const string Ready = "boot_done";

    private const string Init = $"""
        #!/bin/busybox sh
        /bin/busybox mount -t proc proc /proc
        echo {Ready} cpus=$(/bin/busybox nproc) up=$(/bin/busybox cut -d' ' -f1 /proc/uptime)
        /bin/busybox poweroff -f
        """;

    public static Task<BootGuest> MakeAsync(string kernelPackage, string folder, CancellationToken cancel) => MakeAsync(kernelPackage, Init, folder, cancel);

    /// <param name="init">The script that user space begins with.</param>
    public static async Task<BootGuest> MakeAsync(string kernelPackage, string init, string folder, CancellationToken cancel)
    {
        var packages = DebianPackages.InUserCache();
        var unpacked = Directory.CreateDirectory(Path.Combine(folder, "unpacked")).FullName;
        await packages.UnpackAsync(await DebianPackages.FindKernelAsync(kernelPackage, cancel), unpacked, cancel);
        await packages.UnpackAsync(await DebianPackages.FindAsync("busybox-static", cancel), unpacked, cancel);

        var tree = new FileTree()
            .Directory("dev").Directory("proc")
            .CharacterDevice("dev/console", 5, 1)
            .File("bin/busybox", await File.ReadAllBytesAsync(Path.Combine(unpacked, "bin/busybox"), cancel), FileTree.Executable)
            .File("init", Encoding.ASCII.GetBytes(init.ReplaceLineEndings("\n") + "\n"), FileTree.Executable);
        var ramdisk = Path.Combine(folder, "initrd.img");
        await using (var file = File.Create(ramdisk))
            CpioArchive.Write(tree, file);
        return new BootGuest(Directory.GetFiles(Path.Combine(unpacked, "boot"), "vmlinuz-*").Single(), ramdisk);
    }
}
