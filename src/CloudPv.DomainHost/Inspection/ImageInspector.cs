using System.Buffers;
using System.Text.Json;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>
/// Says what a file is from its content alone: a kernel that can be built into a PV domain, a ramdisk, a disk, or none
/// of them. In a process of its own, as the file comes from a user.
/// </summary>
internal static class ImageInspector
{
    /// <summary>More than any header that is looked at: btrfs's superblock is at 64 KiB.</summary>
    private const int HeadBytes = 128 << 10;

    /// <summary>Larger than any ramdisk or kernel; such a file can only be a disk.</summary>
    private const long LargestInMemory = 1 << 30;

    public static int Run(string path)
    {
        using var file = File.OpenRead(path);
        Console.Out.Write(JsonSerializer.Serialize(Inspect(file), InspectionJson.Default.ImageInspection));
        return 0;
    }

    public static ImageInspection Inspect(Stream file)
    {
        byte[] head = new byte[Math.Min(HeadBytes, file.Length)];
        file.ReadExactly(head);
        if (DiskImage.TryInspect(head, file.Length) is { } disk && !IsBzImage(head))
            return disk;
        bool isPacked = CompressionFormats.Detect(head) != CompressionFormat.None;
        if (!IsBzImage(head) && !ElfMagic(head) && !CpioArchive.IsArchive(head) && !isPacked)
            return Unknown(head);
        if (file.Length > LargestInMemory)
            return new("unknown", FileKind.Describe(head), $"It has {file.Length >> 20} MiB; a kernel or ramdisk has at most {LargestInMemory >> 20}.");

        byte[] whole = new byte[file.Length];
        file.Position = 0;
        file.ReadExactly(whole);
        if (IsBzImage(head) || ElfMagic(head))
            return InspectKernel(whole);
        if (!isPacked)
            return Ramdisk.Inspect(whole);
        return IsPackedElf(whole) ? InspectKernel(whole) : Ramdisk.Inspect(whole);
    }

    private static ImageInspection InspectKernel(byte[] file)
    {
        try
        {
            using KernelImage kernel = KernelImage.Inspect(file);
            return new("kernel", KernelDescription.Of(file, kernel), null);
        }
        catch (DomainBuildException refused)
        {
            return new("kernel", IsBzImage(file) ? KernelDescription.OfBzImage(file) : "ELF file", refused.Message);
        }
    }

    private static bool IsPackedElf(byte[] file)
    {
        try
        {
            using IMemoryOwner<byte> expanded = Decompressor.Expand(CompressionFormats.Detect(file), file, KernelImage.MaximumSize);
            return ElfMagic(expanded.Memory.Span);
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static ImageInspection Unknown(ReadOnlySpan<byte> head) =>
        new("unknown", FileKind.Describe(head), "What an instance can use is a Xen PV kernel (bzImage or ELF), a ramdisk (cpio) or a raw disk.");

    private static bool IsBzImage(ReadOnlySpan<byte> data) => data.Length > 0x206 && data.Slice(0x202, 4).SequenceEqual("HdrS"u8);

    private static bool ElfMagic(ReadOnlySpan<byte> data) => data.StartsWith("\x7f"u8) && data[1..].StartsWith("ELF"u8);
}
