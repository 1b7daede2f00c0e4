using System.Globalization;
using System.Text;

namespace CloudPv.Cli.StarterImage;

/// <summary>Writes a file tree as a cpio archive of the "newc" kind, which Linux unpacks as its initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).</summary>
public static class CpioArchive
{
    private const string Trailer = "TRAILER!!!";

    public static void Write(FileTree tree, Stream output)
    {
        var inode = 1;
        foreach (var (path, entry) in tree.Entries)
            WriteEntry(output, path, entry, inode++);
        WriteEntry(output, Trailer, new FileTree.Entry(FileTree.EntryKind.None, UnixFileMode.None, []), inode: 0);
    }

    private static void WriteEntry(Stream output, string path, FileTree.Entry entry, int inode)
    {
        var name = Encoding.UTF8.GetBytes(path + '\0');
        var links = entry.Kind == FileTree.EntryKind.Directory ? 2 : 1;
        ReadOnlySpan<int> fields =
        [
            inode, (int)entry.Kind | (int)entry.Permissions, 0 /* uid */, 0 /* gid */, links, 0 /* mtime */, entry.Content.Length,
            0, 0 /* device that holds it */, entry.Major, entry.Minor, name.Length, 0 /* checksum: unused in newc */,
        ];
        var header = new StringBuilder("070701");
        foreach (var field in fields)
            header.Append(CultureInfo.InvariantCulture, $"{field:x8}");

        output.Write(Encoding.ASCII.GetBytes(header.ToString()));
        output.Write(name);
        PadToFour(output, header.Length + name.Length);
        output.Write(entry.Content);
        PadToFour(output, entry.Content.Length);
    }

    private static void PadToFour(Stream output, int written) => output.Write("\0\0\0"u8[..(-written & 3)]);
}
