namespace CloudPv.Hypervisor;

/// <summary>Says in a few words what a file is that was given as something else.</summary>
public static class FileKind
{
    public static string Describe(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return "an empty file";
        if (data.StartsWith("070701"u8) || data.StartsWith("070702"u8))
            return "a ramdisk (cpio archive)";
        if (data.Length > 0x43a && data.Slice(0x438, 2) is [0x53, 0xef])
            return "a disk image (ext2/3/4 filesystem)";
        if (data.StartsWith((ReadOnlySpan<byte>)[(byte)'Q', (byte)'F', (byte)'I', 0xfb]))
            return "a disk image (qcow2)";
        if (data.Length >= 520 && data[512..].StartsWith("EFI PART"u8))
            return "a disk image (GPT partition table)";
        if (data.Length > 0x8006 && data[0x8001..].StartsWith("CD001"u8))
            return "a CD image (ISO 9660)";
        if (data.Length > 0x40 && data[0x38..].StartsWith("ARM\x64"u8))
            return "a Linux kernel for aarch64 (64-bit Arm)";
        if (data.StartsWith("MZ"u8))
            return "an EFI or Windows program";
        if (data.StartsWith("!<arch>"u8))
            return "a Debian package or an archive";
        if (data.StartsWith("#!"u8))
            return "a script";
        if (ElfImage.IsElf(data))
            return "an ELF file";
        if (CompressionFormats.Detect(data) is var format and not CompressionFormat.None)
            return $"{format.ToString().ToLowerInvariant()}-compressed data";
        if (data.Length >= 512 && data[510] == 0x55 && data[511] == 0xaa)
            return "a disk image (boot sector)";
        if (!data.ContainsAnyExcept((byte)0))
            return "a file of zeros (an empty disk)";
        return IsText(data[..Math.Min(data.Length, 4096)]) ? "a text file" : "data of an unknown kind";
    }

    private static bool IsText(ReadOnlySpan<byte> data)
    {
        foreach (byte b in data)
        {
            if (b < 0x20 && b is not ((byte)'\n' or (byte)'\r' or (byte)'\t' or 0x0c or 0x1b))
                return false;
        }
        return true;
    }
}
