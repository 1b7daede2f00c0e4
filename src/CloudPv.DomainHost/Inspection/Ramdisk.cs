using System.Buffers;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>
/// A ramdisk as Linux takes it: cpio archives one after another, with zeros between them, each of them packed or not
/// (init/initramfs.c). Here the last one may be packed, as Debian's are: microcode first, then the packed rest.
/// </summary>
internal static class Ramdisk
{
    private const int LargestExpanded = 1 << 30;

    public static ImageInspection Inspect(ReadOnlyMemory<byte> file)
    {
        CompressionFormat packing = CompressionFormats.Detect(file.Span);
        string description = packing == CompressionFormat.None ? "cpio archive" : $"{packing.ToString().ToLowerInvariant()}-compressed cpio archive";
        try
        {
            int files = 0;
            ReadOnlyMemory<byte> rest = file;
            while (rest.Length > 0)
            {
                packing = CompressionFormats.Detect(rest.Span);
                bool isPacked = packing != CompressionFormat.None;
                using IMemoryOwner<byte>? expanded = isPacked ? Decompressor.Expand(packing, rest, LargestExpanded) : null;
                ReadOnlyMemory<byte> archive = expanded?.Memory ?? rest;
                if (!CpioArchive.IsArchive(archive.Span))
                    return NoArchive(file, archive, isPacked);
                int after = CpioArchive.Skip(archive.Span, out int found).Length;
                files += found;
                // What follows a packed archive isn't known, as its end isn't.
                rest = isPacked ? default : rest[^after..].TrimStart((byte)0);
            }
            return new("ramdisk", $"{description}, {files} files", files == 0 ? "There is no file in it." : null);
        }
        catch (InvalidDataException damaged)
        {
            return new("ramdisk", description, $"It is damaged: {damaged.Message}.");
        }
    }

    private static ImageInspection NoArchive(ReadOnlyMemory<byte> file, ReadOnlyMemory<byte> archive, bool isPacked)
    {
        string what = FileKind.Describe(archive.Span[..Math.Min(archive.Length, 1 << 20)]);
        return archive.Length < file.Length && !isPacked
            ? new("ramdisk", "cpio archive", $"After its first archive comes {what}, which Linux can't unpack.")
            : new("unknown", isPacked ? $"{what}, compressed" : what, "A ramdisk is a cpio archive (newc), packed or not.");
    }
}
