using System.Buffers.Binary;

namespace CloudPv.Hypervisor;

/// <summary>Linux's bzImage: a real-mode boot sector and setup header (Documentation/arch/x86/boot.rst) before a compressed ELF kernel.</summary>
internal static class BzImage
{
    private const int SetupSectors = 0x1f1, BootFlag = 0x1fe, HeaderMagic = 0x202, Version = 0x206, PayloadOffset = 0x248, PayloadLength = 0x24c;
    private const int HeaderEnd = 0x250;

    public static bool IsBzImage(ReadOnlySpan<byte> data) =>
        data.Length >= HeaderMagic + 4 && data[BootFlag] == 0x55 && data[BootFlag + 1] == 0xaa && data[HeaderMagic..].StartsWith("HdrS"u8);

    /// <summary>The compressed kernel within. Throws <see cref="DomainBuildException"/>.</summary>
    public static ReadOnlyMemory<byte> Payload(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> data = file.Span;
        if (data.Length < HeaderEnd)
            throw new DomainBuildException("The kernel is a bzImage, but cut short within its setup header.");
        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(data[Version..]);
        if (version < 0x208)
        {
            throw new DomainBuildException(
                $"The kernel is a bzImage of boot protocol {version >> 8}.{version & 0xff:00}, which doesn't say where its payload is (2.08, Linux 2.6.24, or later is needed); give its vmlinux.");
        }
        int sectors = data[SetupSectors] == 0 ? 4 : data[SetupSectors];
        ulong offset = ((ulong)sectors + 1) * 512 + BinaryPrimitives.ReadUInt32LittleEndian(data[PayloadOffset..]);
        ulong length = BinaryPrimitives.ReadUInt32LittleEndian(data[PayloadLength..]);
        if (offset + length > (ulong)data.Length)
        {
            throw new DomainBuildException(
                $"The kernel is a bzImage, but cut short: its payload ends at byte {offset + length:N0} of a file of {data.Length:N0} bytes.");
        }
        return file.Slice((int)offset, (int)length);
    }
}
