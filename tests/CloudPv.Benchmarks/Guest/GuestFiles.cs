using System.Text;
using CloudPv.Cli;
using CloudPv.Cli.StarterImage;
using CloudPv.Hypervisor;

namespace CloudPv.Benchmarks;

/// <summary>The benchmark guest, built from Debian's packages and this project's own programs.</summary>
/// <param name="Vmlinuz">The kernel as Debian packages it.</param>
/// <param name="Vmlinux">The same unpacked: what QEMU boots fastest.</param>
/// <param name="Ramdisk">Not compressed: an emulated CPU would pay for unpacking it.</param>
/// <param name="Root">The ramdisk's files in a folder, for the host itself to run.</param>
internal sealed record GuestFiles(string Vmlinuz, string Vmlinux, string Ramdisk, string Root, IReadOnlyList<DebianPackage> Packages)
{
    private static readonly string[] PackageNames = ["busybox-static", "libc6", "libcrypt1", "openssl", "perl-base", "zstd", "liblz4-1", "zlib1g", "xz-utils", "liblzma5"];
    private static readonly string[] Programs = ["busybox", "openssl", "perl", "xz", "zstd"];
    private static readonly string[] Libraries = ["libc.so.6", "libm.so.6", "libcrypt.so.1", "libssl.so.3", "libcrypto.so.3", "liblz4.so.1", "libz.so.1", "liblzma.so.5"];
    private const string Loader = "ld-linux-x86-64.so.2";

    /// <summary>Debian 13 moved to /usr what Debian 12's packages have under the root.</summary>
    private static readonly string[] ProgramFolders = ["bin", "usr/bin"], LibraryFolders = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"], ModuleFolders = ["lib/modules", "usr/lib/modules"];
    private static readonly string[] VirtioModules = ["virtio_pci", "virtio_mmio", "virtio_blk"];
    private static readonly string[] XenModules = ["xen_blkfront"];

    private static readonly string[] Applets =
        ["awk", "cat", "head", "ifconfig", "insmod", "mkdir", "mount", "nproc", "poweroff", "sed", "sh", "sha256sum", "sleep", "tr", "true"];

    /// <exception cref="CommandFailedException">A package or a tool is missing; the message says which.</exception>
    public static async Task<GuestFiles> BuildAsync(string kernelPackage, string folder, CancellationToken cancel)
    {
        var unpacked = Directory.CreateDirectory(Path.Combine(folder, "unpacked")).FullName;
        var packages = new List<DebianPackage> { await DebianPackages.FindKernelAsync(kernelPackage, cancel), await FindOpenSslLibraryAsync(cancel) };
        foreach (var name in PackageNames)
            packages.Add(await DebianPackages.FindAsync(name, cancel));
        foreach (var package in packages)
            await DebianPackages.InUserCache().UnpackAsync(package, unpacked, cancel);

        var tree = await TreeAsync(unpacked, await CompileAsync(folder, cancel), cancel);
        var vmlinuz = Directory.GetFiles(Path.Combine(unpacked, "boot"), "vmlinuz-*").Single();
        var files = new GuestFiles(vmlinuz, Path.Combine(folder, "vmlinux"), Path.Combine(folder, "initrd.img"), Path.Combine(folder, "root"), packages);
        await using (var ramdisk = File.Create(files.Ramdisk))
            CpioArchive.Write(tree, ramdisk);
        using (var image = KernelImage.Inspect(await File.ReadAllBytesAsync(vmlinuz, cancel)))
        await using (var vmlinux = File.Create(files.Vmlinux))
            image.CopyElfTo(vmlinux);
        WriteTo(files.Root, tree);
        return files;
    }

    private static async Task<FileTree> TreeAsync(string unpacked, byte[] program, CancellationToken cancel)
    {
        var tree = new FileTree()
            .Directory("dev").Directory("proc").Directory("sys").Directory("tmp")
            .CharacterDevice("dev/console", 5, 1)
            .File("bin/bench", program, FileTree.Executable)
            .File("lib/rows", Encoding.ASCII.GetBytes(GuestRows.Commands))
            .File("lib64/" + Loader, await File.ReadAllBytesAsync(Find(unpacked, LibraryFolders, Loader), cancel), FileTree.Executable);
        foreach (var applet in Applets)
            tree.SymbolicLink("bin/" + applet, "busybox");
        foreach (var name in Programs)
            tree.File("bin/" + name, await File.ReadAllBytesAsync(Find(unpacked, ProgramFolders, name), cancel), FileTree.Executable);
        foreach (var library in Libraries)
            tree.File("lib/" + library, await File.ReadAllBytesAsync(Find(unpacked, LibraryFolders, library), cancel), FileTree.Executable);
        foreach (var file in Directory.EnumerateFiles(Source("Root"), "*", SearchOption.AllDirectories))
            tree.File(Path.GetRelativePath(Source("Root"), file), await File.ReadAllBytesAsync(file, cancel), FileTree.Executable);

        var modules = new KernelModules(Directory.GetDirectories(Find(unpacked, ModuleFolders, "")).Single());
        await AddModulesAsync(tree, modules, "virtio", VirtioModules, cancel);
        await AddModulesAsync(tree, modules, "xen", XenModules, cancel);
        return tree;
    }

    /// <summary>Adds modules, and the list of them in the order in which they can be loaded.</summary>
    private static async Task AddModulesAsync(FileTree tree, KernelModules modules, string list, string[] names, CancellationToken cancel)
    {
        var order = await modules.ResolveAsync(names, cancel);
        foreach (var module in order)
            tree.File($"lib/modules/{module.Name}.ko", module.Content);
        tree.File($"lib/modules/{list}", Encoding.ASCII.GetBytes(string.Concat(order.Select(module => module.Name + "\n"))));
    }

    private static string Find(string unpacked, string[] folders, string name) =>
        folders.Select(folder => Path.Combine(unpacked, folder, name)).FirstOrDefault(Path.Exists)
        ?? throw new CommandFailedException($"the Debian packages have no {folders[0]}/{name}");

    /// <summary>Static and for any x86-64, so that guest and host run the same instructions.</summary>
    private static async Task<byte[]> CompileAsync(string folder, CancellationToken cancel)
    {
        var program = Path.Combine(folder, "bench");
        await Tool.RunAsync("gcc", ["-std=gnu11", "-O2", "-static", "-s", "-o", program, .. Directory.GetFiles(Source("Program"), "*.c").Order(StringComparer.Ordinal), "-lm"], cancel: cancel);
        return await File.ReadAllBytesAsync(program, cancel);
    }

    /// <summary>Debian 13 has it under another name than Debian 12.</summary>
    private static async Task<DebianPackage> FindOpenSslLibraryAsync(CancellationToken cancel)
    {
        try
        {
            return await DebianPackages.FindAsync("libssl3t64", cancel);
        }
        catch (CommandFailedException)
        {
            return await DebianPackages.FindAsync("libssl3", cancel);
        }
    }

    private static void WriteTo(string folder, FileTree tree)
    {
        foreach (var (name, entry) in tree.Entries)
        {
            var path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            switch (entry.Kind)
            {
                case FileTree.EntryKind.Directory:
                    Directory.CreateDirectory(path);
                    break;
                case FileTree.EntryKind.SymbolicLink:
                    File.CreateSymbolicLink(path, Encoding.UTF8.GetString(entry.Content));
                    break;
                case FileTree.EntryKind.File:
                    File.WriteAllBytes(path, entry.Content);
                    File.SetUnixFileMode(path, entry.Permissions);
                    break;
            }
        }
    }

    /// <summary>A folder of the guest's sources, which stand beside this program.</summary>
    public static string Source(string name) => Path.Combine(AppContext.BaseDirectory, "Guest", name);
}
