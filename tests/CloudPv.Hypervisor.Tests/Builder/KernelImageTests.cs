using System.Text;

namespace CloudPv.Hypervisor.Tests;

/// <summary>What isn't a PV kernel is refused, with what it is and why.</summary>
public sealed class KernelImageTests
{
    [Fact]
    public void Notes_are_read()
    {
        using KernelImage kernel = KernelImage.Inspect(new TestKernel { InitP2m = 0x8000000000, RamdiskByPfn = true }.Build());
        kernel.Notes.Entry.ShouldBe(TestKernel.EntryPoint);
        kernel.Notes.P2mBase.ShouldBe(0x8000000000UL);
        kernel.Notes.RamdiskByPfn.ShouldBeTrue();
        kernel.Notes.Loader.ShouldBe("generic");
        kernel.Compression.ShouldBe(CompressionFormat.None);
    }

    [Fact]
    public void The_legacy_string_is_read_where_there_are_no_notes()
    {
        const string Info = "XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0xffffffff80000000,ELF_PADDR_OFFSET=0x0,VIRT_ENTRY=0xffffffff80100000,HYPERCALL_PAGE=0x00000101,BSD_SYMTAB=yes";
        XenGuestNotes notes = KernelImage.Inspect(new TestKernel { LegacyInfo = Info }.Build()).Notes;
        notes.IsLegacy.ShouldBeTrue();
        notes.Entry.ShouldBe(0xffffffff80100000UL);
        notes.HypercallPage.ShouldBe(0xffffffff80101000UL);
        notes.BsdSymbols.ShouldBeTrue();
    }

    [Fact]
    public void A_text_file() => Refusal(Encoding.UTF8.GetBytes("Dear Sir,\nplease find attached our kernel.\n")).ShouldContain("a text file");

    [Fact]
    public void An_empty_file() => Refusal([]).ShouldContain("an empty file");

    [Fact]
    public void An_empty_disk() => Refusal(new byte[1 << 20]).ShouldContain("an empty disk");

    [Fact]
    public void A_ramdisk() => Refusal("070701000002D1"u8.ToArray()).ShouldContain("a ramdisk");

    [Fact]
    public void A_compressed_ramdisk() =>
        Refusal(Packer.Pack(CompressionFormat.Gzip, "070701000002D1"u8.ToArray())).ShouldContain("gzip-compressed: a ramdisk");

    [Fact]
    public void A_filesystem_image()
    {
        var disk = new byte[4096];
        disk[0x438] = 0x53;
        disk[0x439] = 0xef;
        Refusal(disk).ShouldContain("ext2/3/4");
    }

    [Fact]
    public void A_partitioned_disk()
    {
        var disk = new byte[4096];
        disk[510] = 0x55;
        disk[511] = 0xaa;
        Refusal(disk).ShouldContain("boot sector");
    }

    [Fact]
    public void A_qcow2_image() => Refusal([(byte)'Q', (byte)'F', (byte)'I', 0xfb, 0, 0, 0, 3]).ShouldContain("qcow2");

    [Fact]
    public void A_kernel_of_another_architecture() => Refusal(new TestKernel { Machine = 183 }.Build()).ShouldContain("aarch64");

    [Fact]
    public void A_32_bit_kernel() => Refusal(new TestKernel { Machine = 3 }.Build()).ShouldContain("32-bit");

    [Fact]
    public void A_kernel_that_is_not_a_Xen_guest() => Refusal(new TestKernel { HasNotes = false }.Build()).ShouldContain("no Xen notes");

    [Fact]
    public void A_kernel_for_PVH_and_HVM_only() => Refusal(new TestKernel { Entry = null, PvhEntry = true }.Build()).ShouldContain("PVH or HVM guest only");

    [Fact]
    public void A_kernel_for_another_Xen_ABI() => Refusal(new TestKernel { XenVersion = "xen-4.0" }.Build()).ShouldContain("xen-4.0");

    [Fact]
    public void A_kernel_with_a_loader_of_its_own() => Refusal(new TestKernel { Loader = "special" }.Build()).ShouldContain("special");

    [Fact]
    public void An_entry_point_outside_of_the_kernel() =>
        Refusal(new TestKernel { Entry = 0x1000 }.Build()).ShouldContain("don't fit together");

    [Fact]
    public void A_segment_larger_in_the_file_than_in_memory() =>
        Refusal(new TestKernel { FileSize = TestKernel.Size + 1 }.Build()).ShouldContain("cut short");

    [Fact]
    public void A_bzImage_that_is_cut_short()
    {
        byte[] elf = new TestKernel().Build();
        byte[] file = TestBzImage.Wrap(Packer.Pack(CompressionFormat.Gzip, elf), elf.Length, sizeIsPartOfPayload: true);
        Refusal(file[..^0x280]).ShouldContain("cut short: its payload ends at byte");
        Refusal(file[..0x220]).ShouldContain("cut short within its setup header");
    }

    [Fact]
    public void Every_truncation_and_every_flipped_bit_of_the_headers_is_refused_or_harmless()
    {
        byte[] elf = new TestKernel().Build();
        for (int length = 0; length < elf.Length; length += 61)
            Should.NotThrow(() => Try(elf[..length]));
        for (int bit = 0; bit < 0x300 * 8; bit++)
        {
            byte[] damaged = [.. elf];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Should.NotThrow(() => Try(damaged), $"bit {bit}");
        }

        static void Try(byte[] file)
        {
            try
            {
                KernelImage.Inspect(file);
            }
            catch (DomainBuildException)
            {
                // The only way that a bad file may end.
            }
        }
    }

    private static string Refusal(byte[] file) => Should.Throw<DomainBuildException>(() => KernelImage.Inspect(file)).Message;
}
