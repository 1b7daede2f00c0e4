using System.Buffers.Binary;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>A raw disk, known by its partition table or its filesystem.</summary>
internal static class DiskImage
{
    private const int SectorBytes = 512;
    private const int PartitionTable = 446;

    /// <summary>Filesystems and volumes by their magic numbers, each at its place (util-linux's libblkid knows them all).</summary>
    private static readonly (string Name, int Offset, byte[] Magic)[] Known =
    [
        ("XFS filesystem", 0, "XFSB"u8.ToArray()),
        ("Btrfs filesystem", 0x10040, "_BHRfS_M"u8.ToArray()),
        ("SquashFS filesystem", 0, "hsqs"u8.ToArray()),
        ("ISO 9660 filesystem", 0x8001, "CD001"u8.ToArray()),
        ("Linux swap area", 4086, "SWAPSPACE2"u8.ToArray()),
        ("LVM physical volume", SectorBytes, "LABELONE"u8.ToArray()),
        ("UFS filesystem", 8192 + 1372, [0x54, 0x19, 0x01, 0x00]),
        ("UFS2 filesystem", 65536 + 1372, [0x19, 0x01, 0x54, 0x19]),
        ("FAT filesystem", 54, "FAT"u8.ToArray()),
        ("FAT filesystem", 82, "FAT32"u8.ToArray()),
    ];

    /// <summary>Disk images that aren't raw.</summary>
    private static readonly (string Name, byte[] Magic)[] Wrapped =
    [
        ("qcow2 image", [(byte)'Q', (byte)'F', (byte)'I', 0xfb]),
        ("VMDK image", "KDMV"u8.ToArray()),
        ("VHDX image", "vhdxfile"u8.ToArray()),
        ("VHD image", "conectix"u8.ToArray()),
    ];

    /// <summary>Null where the file is no disk.</summary>
    public static ImageInspection? TryInspect(ReadOnlySpan<byte> head, long size)
    {
        foreach ((string name, byte[] magic) in Wrapped)
        {
            if (head.StartsWith(magic))
                return new("disk", name, "Only raw images can be used; qemu-img convert -O raw makes one of it.");
        }
        if (!head.ContainsAnyExcept((byte)0))
            return new("disk", "empty disk", "There is nothing on it: neither a partition table nor a filesystem.");
        if (TryFindContent(head) is not { } content)
            return null;
        if (size % SectorBytes != 0)
            return new("disk", content.Name, $"Its {size:N0} bytes are no whole number of {SectorBytes}-byte sectors: it is cut short.");
        return new("disk", content.Name, content.Bytes > size ? $"It is cut short: the {content.Name} needs {content.Bytes:N0} bytes, the file has {size:N0}." : null);
    }

    private static (string Name, long Bytes)? TryFindContent(ReadOnlySpan<byte> head)
    {
        if (TryReadExt(head) is { } ext)
            return ext;
        foreach ((string name, int offset, byte[] magic) in Known)
        {
            if (head.Length > offset && head[offset..].StartsWith(magic))
                return (name, 0);
        }
        return TryReadGpt(head) ?? TryReadMbr(head);
    }

    /// <summary>The superblock at 1024 (fs/ext4/ext4.h: struct ext4_super_block).</summary>
    private static (string, long)? TryReadExt(ReadOnlySpan<byte> head)
    {
        const int Superblock = 1024;
        if (head.Length < Superblock + 1024 || BinaryPrimitives.ReadUInt16LittleEndian(head[(Superblock + 0x38)..]) != 0xef53)
            return null;
        ReadOnlySpan<byte> super = head[Superblock..];
        uint compatible = BinaryPrimitives.ReadUInt32LittleEndian(super[0x5c..]), incompatible = BinaryPrimitives.ReadUInt32LittleEndian(super[0x60..]);
        const uint HasJournal = 4, Extents = 0x40, SixtyFourBit = 0x80;
        ulong blocks = BinaryPrimitives.ReadUInt32LittleEndian(super[4..]);
        if ((incompatible & SixtyFourBit) != 0)
            blocks |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(super[0x150..]) << 32;
        int blockShift = 10 + (int)Math.Min(6, BinaryPrimitives.ReadUInt32LittleEndian(super[0x18..]));
        string name = (incompatible & Extents) != 0 ? "ext4" : (compatible & HasJournal) != 0 ? "ext3" : "ext2";
        return ($"{name} filesystem", (long)Math.Min(blocks, (ulong)(long.MaxValue >> blockShift)) << blockShift);
    }

    /// <summary>The header in sector 1 tells where its copy is: the disk's last sector (UEFI specification, 5.3.2).</summary>
    private static (string, long)? TryReadGpt(ReadOnlySpan<byte> head)
    {
        if (head.Length < 2 * SectorBytes || !head[SectorBytes..].StartsWith("EFI PART"u8))
            return null;
        ulong last = BinaryPrimitives.ReadUInt64LittleEndian(head[(SectorBytes + 32)..]);
        return ("disk with a GPT partition table", (long)Math.Min(last, (ulong)(long.MaxValue / SectorBytes - 1)) * SectorBytes + SectorBytes);
    }

    /// <summary>Four entries of which each is empty or plausible, and one isn't empty.</summary>
    private static (string, long)? TryReadMbr(ReadOnlySpan<byte> head)
    {
        if (head.Length < SectorBytes || head[510] != 0x55 || head[511] != 0xaa)
            return null;
        long end = 0;
        for (int entry = PartitionTable; entry < 510; entry += 16)
        {
            ReadOnlySpan<byte> partition = head.Slice(entry, 16);
            long first = BinaryPrimitives.ReadUInt32LittleEndian(partition[8..]), sectors = BinaryPrimitives.ReadUInt32LittleEndian(partition[12..]);
            if (partition[4] == 0)
                continue;
            if (partition[0] is not (0 or 0x80) || first == 0 || sectors == 0)
                return null;
            end = Math.Max(end, (first + sectors) * SectorBytes);
        }
        return end == 0 ? null : ("disk with an MBR partition table", end);
    }
}
