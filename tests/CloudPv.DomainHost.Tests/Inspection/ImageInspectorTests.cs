using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace CloudPv.DomainHost.Tests;

public sealed class ImageInspectorTests
{
    [Theory]
    [InlineData("hello, this is text\n", "a text file")]
    [InlineData("#!/bin/sh\n", "a script")]
    public void A_text_is_nothing_that_a_guest_can_use(string text, string description)
    {
        var found = Inspect(Encoding.ASCII.GetBytes(text));
        found.Kind.ShouldBe("unknown");
        found.Description.ShouldBe(description);
        found.Problem.ShouldNotBeNull();
    }

    [Fact]
    public void An_archive_is_a_ramdisk_packed_or_not()
    {
        Inspect(Archive("init", "sbin")).ShouldBe(new ImageInspection("ramdisk", "cpio archive, 2 files", null));
        Inspect(Gzip(Archive("init"))).ShouldBe(new ImageInspection("ramdisk", "gzip-compressed cpio archive, 1 files", null));
    }

    [Fact]
    public void Archives_may_follow_each_other_as_Debians_do_after_the_microcode()
    {
        byte[] both = [.. Archive("microcode"), .. new byte[512], .. Gzip(Archive("init", "sbin"))];
        Inspect(both).ShouldBe(new ImageInspection("ramdisk", "cpio archive, 3 files", null));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_ramdisk_that_is_cut_short_or_damaged_says_so(int how)
    {
        byte[] file = how switch
        {
            0 => Archive("init", "sbin")[..200],
            1 => Gzip(Archive("init", "sbin"))[..^30],
            _ => [.. Archive("init").AsSpan(0, 124), .. "junk, junk, junk"u8, .. Archive("sbin")],
        };
        var found = Inspect(file);
        found.Kind.ShouldBe("ramdisk");
        found.Problem!.ShouldStartWith("It is damaged: ");
    }

    [Fact]
    public void A_packed_text_is_no_ramdisk() =>
        Inspect(Gzip("hello"u8.ToArray())).ShouldBe(new ImageInspection("unknown", "a text file, compressed", "A ramdisk is a cpio archive (newc), packed or not."));

    [Fact]
    public void A_disk_is_known_by_its_filesystem_or_its_partitions()
    {
        Inspect(Ext4(blocks: 64, bytes: 64 << 10)).ShouldBe(new ImageInspection("disk", "ext4 filesystem", null));
        Inspect(Partitioned(sectors: 8, bytes: 16 * 512)).ShouldBe(new ImageInspection("disk", "disk with an MBR partition table", null));
    }

    [Fact]
    public void A_disk_that_is_cut_short_says_how_much_is_missing()
    {
        Inspect(Ext4(blocks: 64, bytes: 32 << 10)).Problem.ShouldBe("It is cut short: the ext4 filesystem needs 65,536 bytes, the file has 32,768.");
        Inspect(Ext4(blocks: 64, bytes: (64 << 10) + 100)).Problem!.ShouldContain("no whole number of 512-byte sectors");
        Inspect(Partitioned(sectors: 100, bytes: 16 * 512)).Problem!.ShouldStartWith("It is cut short");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1 << 20)]
    public void An_empty_disk_has_nothing_to_start_from(int bytes) =>
        Inspect(new byte[bytes]).Problem.ShouldBe("There is nothing on it: neither a partition table nor a filesystem.");

    [Fact]
    public void A_wrapped_disk_is_told_what_to_do()
    {
        byte[] qcow = new byte[1024];
        "QFI"u8.CopyTo(qcow);
        qcow[3] = 0xfb;
        Inspect(qcow).ShouldBe(new ImageInspection("disk", "qcow2 image", "Only raw images can be used; qemu-img convert -O raw makes one of it."));
    }

    [Fact]
    public void A_kernel_without_xens_notes_says_what_it_lacks()
    {
        var found = Inspect(File.ReadAllBytes("/bin/true"));
        found.Kind.ShouldBe("kernel");
        found.Problem!.ShouldContain("Xen notes");
    }

    private static ImageInspection Inspect(byte[] file) => ImageInspector.Inspect(new MemoryStream(file));

    private static byte[] Archive(params string[] files)
    {
        var archive = new MemoryStream();
        foreach (var name in files.Append("TRAILER!!!"))
        {
            var header = string.Concat("070701", string.Concat(Enumerable.Repeat("00000000", 11)), (name.Length + 1).ToString("x8"), "00000000");
            archive.Write(Encoding.ASCII.GetBytes($"{header}{name}\0"));
            while (archive.Length % 4 != 0)
                archive.WriteByte(0);
        }
        return archive.ToArray();
    }

    private static byte[] Gzip(byte[] data)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(data);
        return packed.ToArray();
    }

    private static byte[] Ext4(int blocks, int bytes)
    {
        byte[] disk = new byte[bytes];
        BinaryPrimitives.WriteInt32LittleEndian(disk.AsSpan(1024 + 4), blocks);
        BinaryPrimitives.WriteUInt16LittleEndian(disk.AsSpan(1024 + 0x38), 0xef53);
        disk[1024 + 0x60] = 0x40; // extents
        return disk;
    }

    private static byte[] Partitioned(int sectors, int bytes)
    {
        byte[] disk = new byte[bytes];
        disk[446 + 4] = 0x83;
        disk[446 + 8] = 1;
        BinaryPrimitives.WriteInt32LittleEndian(disk.AsSpan(446 + 12), sectors);
        (disk[510], disk[511]) = (0x55, 0xaa);
        return disk;
    }
}
