using System.Security.Cryptography;
using System.Text;
using CloudPv.Cli;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Stress;

/// <summary>The stress guest, built from Debian's packages and a program of this project's: its kernel and its ramdisk.</summary>
internal sealed record StressGuest(string Kernel, string Ramdisk)
{
    /// <summary>stress-ng and what its libraries come from. Names with | are alternatives: Debian 13's and Debian 12's.</summary>
    private static readonly string[] PackageNames =
    [
        "stress-ng", "busybox-static", "libc6", "libapparmor1", "libbsd0", "libmd0", "libcrypt1", "libegl1", "libglvnd0", "libgbm1", "libdrm2", "libexpat1", "libwayland-server0", "libffi8",
        "libgles2", "libipsec-mb2|libipsec-mb1", "libjpeg62-turbo", "libjudydebian1", "libkmod2", "liblzma5", "libzstd1", "libssl3t64|libssl3", "libsctp1", "libxxhash0", "zlib1g",
    ];

    private static readonly string[] Applets =
        ["cp", "echo", "ifconfig", "insmod", "mkdir", "mkswap", "mount", "nproc", "poweroff", "sh", "sha256sum", "sleep", "swapon", "sync", "true", "umount"];

    /// <summary>Debian 13 moved to /usr what Debian 12's packages have under the root.</summary>
    private static readonly string[] ProgramFolders = ["bin", "usr/bin"], LibraryFolders = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"], ModuleFolders = ["lib/modules", "usr/lib/modules"];
    private static readonly string[] Modules = ["xen_blkfront", "ext4"];
    private const string Loader = "ld-linux-x86-64.so.2";

    /// <exception cref="CommandFailedException">A package or a tool is missing; the message says which.</exception>
    public static async Task<StressGuest> BuildAsync(string folder, CancellationToken cancel)
    {
        var unpacked = Directory.CreateDirectory(Path.Combine(folder, "unpacked")).FullName;
        var cache = DebianPackages.InUserCache();
        await cache.UnpackAsync(await DebianPackages.FindKernelAsync(StarterImageBuilder.DefaultKernelPackage, cancel), unpacked, cancel);
        foreach (var names in PackageNames)
            await cache.UnpackAsync(await FindAsync(names.Split('|'), cancel), unpacked, cancel);

        var guest = new StressGuest(Directory.GetFiles(Path.Combine(unpacked, "boot"), "vmlinuz-*").Single(), Path.Combine(folder, "initrd.img"));
        var tree = await TreeAsync(unpacked, await CompileAsync(folder, cancel), cancel);
        await using var ramdisk = File.Create(guest.Ramdisk);
        CpioArchive.Write(tree, ramdisk);
        return guest;
    }

    private static async Task<DebianPackage> FindAsync(string[] names, CancellationToken cancel)
    {
        foreach (var name in names[..^1])
        {
            try
            {
                return await DebianPackages.FindAsync(name, cancel);
            }
            catch (CommandFailedException)
            {
                // Another version of Debian: the next name.
            }
        }

        return await DebianPackages.FindAsync(names[^1], cancel);
    }

    private static async Task<FileTree> TreeAsync(string unpacked, byte[] code, CancellationToken cancel)
    {
        var busybox = await ReadAsync(unpacked, ProgramFolders, "busybox", cancel);
        var stress = await ReadAsync(unpacked, ProgramFolders, "stress-ng", cancel);
        var tree = new FileTree()
            .Directory("dev").Directory("proc").Directory("sys").Directory("tmp")
            .CharacterDevice("dev/console", 5, 1)
            .File("bin/busybox", busybox, FileTree.Executable)
            .File("bin/stress-ng", stress, FileTree.Executable)
            .File("bin/code", code, FileTree.Executable)
            .File("sums", Encoding.ASCII.GetBytes($"{Convert.ToHexStringLower(SHA256.HashData(stress))}  stress-ng\n{Convert.ToHexStringLower(SHA256.HashData(busybox))}  busybox\n"))
            .File("lib64/" + Loader, await ReadAsync(unpacked, LibraryFolders, Loader, cancel), FileTree.Executable);
        foreach (var applet in Applets)
            tree.SymbolicLink("bin/" + applet, "busybox");
        foreach (var file in Directory.GetFiles(Source("")).Where(file => Path.GetExtension(file) != ".c"))
            tree.File(Path.GetFileName(file), await File.ReadAllBytesAsync(file, cancel), FileTree.Executable);
        foreach (var library in LibraryFolders.Select(folder => Path.Combine(unpacked, folder)).Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.so*")))
            await AddLibraryAsync(tree, library, cancel);

        var modules = await new KernelModules(Directory.GetDirectories(Find(unpacked, ModuleFolders, "")).Single()).ResolveAsync(Modules, cancel);
        foreach (var module in modules)
            tree.File($"lib/modules/{module.Name}.ko", module.Content);
        return tree.File("lib/modules/order", Encoding.ASCII.GetBytes(string.Concat(modules.Select(module => module.Name + "\n"))));
    }

    private static async Task AddLibraryAsync(FileTree tree, string library, CancellationToken cancel)
    {
        var path = "lib/" + Path.GetFileName(library);
        if (new FileInfo(library).LinkTarget is { } target)
            tree.SymbolicLink(path, Path.GetFileName(target));
        else
            tree.File(path, await File.ReadAllBytesAsync(library, cancel), FileTree.Executable);
    }

    private static Task<byte[]> ReadAsync(string unpacked, string[] folders, string name, CancellationToken cancel) => File.ReadAllBytesAsync(Find(unpacked, folders, name), cancel);

    private static string Find(string unpacked, string[] folders, string name) =>
        folders.Select(folder => Path.Combine(unpacked, folder, name)).FirstOrDefault(Path.Exists)
        ?? throw new CommandFailedException($"the Debian packages have no {folders[0]}/{name}");

    private static async Task<byte[]> CompileAsync(string folder, CancellationToken cancel)
    {
        var program = Path.Combine(folder, "code");
        await Tool.RunAsync("gcc", ["-std=gnu11", "-O2", "-static", "-s", "-pthread", "-o", program, Source("code.c")], cancel: cancel);
        return await File.ReadAllBytesAsync(program, cancel);
    }

    private static string Source(string name) => Path.Combine(AppContext.BaseDirectory, "Guest", name);
}
