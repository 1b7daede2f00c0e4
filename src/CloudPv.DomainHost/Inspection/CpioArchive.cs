using System.Buffers.Text;

namespace CloudPv.DomainHost;

/// <summary>The "newc" cpio archive that Linux unpacks as its initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).</summary>
internal static class CpioArchive
{
    private const int HeaderBytes = 110;
    private const int SizeField = 54;
    private const int NameSizeField = 94;

    public static bool IsArchive(ReadOnlySpan<byte> data) => data.StartsWith("070701"u8) || data.StartsWith("070702"u8);

    /// <summary>Walks the archive to its trailer.</summary>
    /// <param name="files">How many entries it has.</param>
    /// <returns>What follows the archive.</returns>
    /// <exception cref="InvalidDataException">It is damaged or cut short; says where.</exception>
    public static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> archive, out int files)
    {
        files = 0;
        for (long at = 0; ;)
        {
            if (archive.Length - at < HeaderBytes)
                throw new InvalidDataException($"the cpio archive is cut short at byte {at:N0}");
            ReadOnlySpan<byte> header = archive.Slice((int)at, HeaderBytes);
            if (!IsArchive(header))
                throw new InvalidDataException($"the cpio archive is damaged at byte {at:N0}");
            long nameSize = Hex(header, NameSizeField, at), size = Hex(header, SizeField, at);
            long data = Align(at + HeaderBytes + nameSize), end = Align(data + size);
            if (nameSize == 0 || data + size > archive.Length)
                throw new InvalidDataException($"the cpio archive is cut short at byte {at:N0}");
            ReadOnlySpan<byte> name = archive.Slice((int)at + HeaderBytes, (int)nameSize - 1);
            if (name.SequenceEqual("TRAILER!!!"u8))
                return archive[(int)Math.Min(end, archive.Length)..];
            files++;
            at = end;
        }
    }

    private static long Align(long offset) => (offset + 3) & ~3L;

    private static uint Hex(ReadOnlySpan<byte> header, int field, long at) =>
        Utf8Parser.TryParse(header.Slice(field, 8), out uint value, out int used, 'x') && used == 8
            ? value
            : throw new InvalidDataException($"the cpio archive is damaged at byte {at:N0}");
}
