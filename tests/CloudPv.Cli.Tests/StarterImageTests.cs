using System.IO.Compression;
using System.Security.Cryptography;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Cli.Tests;

/// <summary>The starter image, looked at with other people's tools.</summary>
public sealed class StarterImageTests(BuiltStarterImage image)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_manifest_names_each_file_with_its_checksum()
    {
        image.Manifest.Files.Select(file => (file.Kind, file.File)).ShouldBe([("kernel", "vmlinuz"), ("ramdisk", "initrd.img"), ("machine", "root.img")]);
        foreach (var file in image.Manifest.Files)
        {
            await using var stream = File.OpenRead(Path.Combine(image.Folder, file.File));
            (file.Size, file.Sha256).ShouldBe((stream.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, Cancel))));
        }

        image.Manifest.Packages.Select(package => package.Name).ShouldContain("busybox-static");
    }

    [Fact]
    public async Task The_initrd_unpacks_and_loads_its_modules_in_an_order_that_works()
    {
        var unpacked = Directory.CreateDirectory(Path.Combine(image.Folder, "initrd"));
        await using (var compressed = File.OpenRead(Path.Combine(image.Folder, "initrd.img")))
        await using (var archive = File.Create(Path.Combine(image.Folder, "initrd.cpio")))
        await using (var gzip = new GZipStream(compressed, CompressionMode.Decompress))
            await gzip.CopyToAsync(archive, Cancel);
        var busybox = await image.ExtractAsync("/bin/busybox", Cancel);
        File.SetUnixFileMode(busybox, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var names = await Tool.RunAsync(busybox, ["cpio", "-t", "-F", Path.Combine(image.Folder, "initrd.cpio")], unpacked.FullName, cancel: Cancel);
        var files = names.Split('\n');
        foreach (var file in new[] { "init", "bin/busybox", "bin/sh", "bin/insmod", "bin/switch_root", "dev/console", "lib/modules/order", "proc", "sys", "root" })
            files.ShouldContain(file);

        await Tool.RunAsync(busybox, ["cpio", "-i", "-d", "-F", "../initrd.cpio", "lib/modules/*", "init"], unpacked.FullName, cancel: Cancel);
        var order = await File.ReadAllLinesAsync(Path.Combine(unpacked.FullName, "lib/modules/order"), Cancel);
        order.ShouldContain("xen_blkfront");
        order.ShouldContain("xen_netfront");
        foreach (var module in order)
            (await File.ReadAllBytesAsync(Path.Combine(unpacked.FullName, $"lib/modules/{module}.ko"), Cancel))[..4].ShouldBe("\u007fELF"u8.ToArray());
        await Tool.RunAsync("sh", ["-n", Path.Combine(unpacked.FullName, "init")], cancel: Cancel);
    }

    [Fact]
    public async Task The_root_disk_is_a_sound_file_system_of_64_MiB_that_belongs_to_root()
    {
        new FileInfo(image.RootDisk).Length.ShouldBe(64 << 20);
        await Tool.RunAsync("e2fsck", ["-f", "-n", image.RootDisk], cancel: Cancel);
        foreach (var (file, mode) in new[] { ("/sbin/init", "0777"), ("/etc/inittab", "0644"), ("/etc/init.d/rcS", "0755"), ("/etc/shadow", "0600"), ("/etc/udhcpc/default.script", "0755") })
        {
            var inode = await image.DebugfsAsync($"stat {file}", Cancel);
            inode.ShouldContain($"Mode:  {mode}");
            inode.ShouldContain("User:     0   Group:     0");
        }

        foreach (var program in new[] { "/bin/ping", "/usr/bin/wget", "/usr/bin/nproc", "/usr/bin/sha256sum", "/usr/sbin/httpd", "/sbin/udhcpc", "/sbin/poweroff", "/sbin/reboot" })
            (await image.DebugfsAsync($"stat {program}", Cancel)).ShouldContain("Fast link dest: \"/bin/busybox\"");
    }

    [Fact]
    public async Task It_tells_how_to_log_in()
    {
        (await image.DebugfsAsync("cat /etc/issue", Cancel)).ShouldContain("Log in as root; there is no password.");
        (await image.DebugfsAsync("cat /etc/shadow", Cancel)).ShouldStartWith("root::");
        (await image.DebugfsAsync("cat /etc/inittab", Cancel)).ShouldContain("hvc0::respawn:/sbin/getty");
    }

    [Fact]
    public async Task Built_again_it_is_the_same()
    {
        var again = Path.Combine(image.Folder, "again");
        var manifest = await new StarterImageBuilder(DebianPackages.InUserCache(), StarterImageBuilder.DefaultKernelPackage).BuildAsync(again, Cancel);
        manifest.Files.ShouldBe(image.Manifest.Files);
    }

    [Fact]
    public async Task A_kernel_package_that_does_not_exist_is_named()
    {
        var builder = new StarterImageBuilder(DebianPackages.InUserCache(), "linux-image-of-nobody");
        (await Should.ThrowAsync<CommandFailedException>(() => builder.BuildAsync(image.Folder, Cancel))).Message.ShouldContain("linux-image-of-nobody");
    }
}
