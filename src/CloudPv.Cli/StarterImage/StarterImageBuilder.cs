using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CloudPv.Cli.StarterImage;

/// <summary>
/// Builds the starter image from Debian's packages: the packages' own kernel, an initrd that loads the Xen front ends and switches to the root disk,
/// and a root disk with busybox. Needs apt, dpkg and e2fsprogs; no root privileges.
/// </summary>
public sealed class StarterImageBuilder(DebianPackages packages, string kernelPackage)
{
    public const string Name = "starter";
    public const string DefaultKernelPackage = "linux-image-cloud-amd64";

    private const int RootDiskMiB = 64;
    private const string Busybox = "busybox-static";
    private static readonly string[] Modules = ["xen_blkfront", "xen_netfront", "ext4"];

    /// <summary>Writes vmlinuz, initrd.img, root.img and manifest.json into a folder.</summary>
    /// <exception cref="CommandFailedException">A package or a tool is missing; the message says which.</exception>
    public async Task<StarterImageManifest> BuildAsync(string output, CancellationToken cancel)
    {
        var kernel = await DebianPackages.FindKernelAsync(kernelPackage, cancel);
        var busybox = await DebianPackages.FindAsync(Busybox, cancel);
        var unpacked = Directory.CreateTempSubdirectory("cloudpv-starter-");
        try
        {
            await packages.UnpackAsync(kernel, unpacked.FullName, cancel);
            await packages.UnpackAsync(busybox, unpacked.FullName, cancel);
            Directory.CreateDirectory(output);

            File.Copy(OnlyFile(Path.Combine(unpacked.FullName, "boot"), "vmlinuz-*"), Path.Combine(output, "vmlinuz"), overwrite: true);
            var program = new BusyboxProgram(FirstExisting(unpacked.FullName, "bin/busybox", "usr/bin/busybox"));
            var modules = new KernelModules(ModuleFolder(unpacked.FullName));
            WriteInitrd(Path.Combine(output, "initrd.img"), await InitrdAsync(program, modules, cancel));
            await Ext4Disk.WriteAsync(await RootAsync(program, cancel), Path.Combine(output, "root.img"), RootDiskMiB, "starter-root", cancel);
            return await WriteManifestAsync(output, [kernel, busybox], cancel);
        }
        finally
        {
            unpacked.Delete(recursive: true);
        }
    }

    private static async Task<FileTree> InitrdAsync(BusyboxProgram busybox, KernelModules modules, CancellationToken cancel)
    {
        var tree = new FileTree()
            .Embedded("initrd")
            .Directory("dev").Directory("proc").Directory("root").Directory("sys")
            .CharacterDevice("dev/console", 5, 1)
            .SymbolicLink("sbin", "bin")
            .File("bin/busybox", busybox.Content, FileTree.Executable);
        foreach (var applet in await busybox.AppletsAsync(cancel))
            tree.SymbolicLink("bin/" + Path.GetFileName(applet), "busybox");

        var load = await modules.ResolveAsync(Modules, cancel);
        foreach (var module in load)
            tree.File($"lib/modules/{module.Name}.ko", module.Content);
        return tree.File("lib/modules/order", Encoding.ASCII.GetBytes(string.Concat(load.Select(module => module.Name + "\n"))));
    }

    private static async Task<FileTree> RootAsync(BusyboxProgram busybox, CancellationToken cancel)
    {
        var tree = new FileTree()
            .Embedded("root")
            .File("etc/shadow", "root::19000:0:99999:7:::\n"u8.ToArray(), FileTree.Private)
            .Directory("dev").Directory("mnt").Directory("proc").Directory("root").Directory("run").Directory("sys").Directory("tmp").Directory("var/www")
            .File("bin/busybox", busybox.Content, FileTree.Executable);
        foreach (var applet in await busybox.AppletsAsync(cancel))
            tree.SymbolicLink(applet, "/bin/busybox");
        return tree;
    }

    private static void WriteInitrd(string path, FileTree tree)
    {
        using var file = File.Create(path);
        using var gzip = new GZipStream(file, CompressionLevel.Optimal);
        CpioArchive.Write(tree, gzip);
    }

    private static async Task<StarterImageManifest> WriteManifestAsync(string output, DebianPackage[] sources, CancellationToken cancel)
    {
        var manifest = new StarterImageManifest
        {
            Name = Name,
            Description = $"Debian's {sources[0].Name} {sources[0].Version} with busybox; log in as root, no password",
            Architecture = "x86_64",
            CommandLine = "root=/dev/xvda console=hvc0",
            RootDevice = "xvda",
            Files =
            [
                await DescribeAsync("kernel", output, "vmlinuz", cancel),
                await DescribeAsync("ramdisk", output, "initrd.img", cancel),
                await DescribeAsync("machine", output, "root.img", cancel),
            ],
            Packages = [.. sources.Select(package => new StarterImageManifest.SourcePackage(package.Name, package.Version, package.Sha256))],
        };
        await using var file = File.Create(Path.Combine(output, StarterImageManifest.FileName));
        await JsonSerializer.SerializeAsync(file, manifest, StarterImageJson.Default.StarterImageManifest, cancel);
        return manifest;
    }

    private static async Task<StarterImageManifest.ImageFile> DescribeAsync(string kind, string folder, string name, CancellationToken cancel)
    {
        await using var file = File.OpenRead(Path.Combine(folder, name));
        return new StarterImageManifest.ImageFile(kind, name, file.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel)));
    }

    private static string ModuleFolder(string unpacked) =>
        Directory.GetDirectories(FirstExisting(unpacked, "lib/modules", "usr/lib/modules")).Single();

    private static string OnlyFile(string folder, string pattern) => Directory.GetFiles(folder, pattern).Single();

    /// <summary>Debian 13 moved to /usr what Debian 12's packages have under the root.</summary>
    private static string FirstExisting(string folder, params string[] places) =>
        places.Select(place => Path.Combine(folder, place)).FirstOrDefault(Path.Exists)
        ?? throw new CommandFailedException($"the Debian packages have no {string.Join(" or ", places)}");
}
