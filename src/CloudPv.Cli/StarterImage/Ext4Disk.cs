using System.Globalization;
using System.Text;

namespace CloudPv.Cli.StarterImage;

/// <summary>Makes an ext4 disk image from a file tree with e2fsprogs, without root privileges, the same bytes for the same tree.</summary>
public static class Ext4Disk
{
    private const string VolumeId = "c10ad9f0-0000-4000-8000-000000000001";

    /// <summary>Seconds since 1970 of every time stamp in the image.</summary>
    private const int Timestamp = 1_700_000_000;

    public static async Task WriteAsync(FileTree tree, string path, int mebibytes, string label, CancellationToken cancel)
    {
        var staging = Directory.CreateTempSubdirectory("cloudpv-root-");
        try
        {
            foreach (var (name, entry) in tree.Entries)
                Stage(Path.Combine(staging.FullName, name), entry);

            File.Delete(path);
            await Tool.RunAsync(
                "mke2fs",
                [
                    "-q", "-F", "-t", "ext4", "-L", label, "-U", VolumeId, "-E", $"hash_seed={VolumeId},root_owner=0:0,lazy_itable_init=0",
                    "-m", "0", "-d", staging.FullName, path, string.Create(CultureInfo.InvariantCulture, $"{mebibytes}M"),
                ],
                cancel: cancel,
                environment: FixedTime);
            await GiveToRootAsync(tree, path, cancel);
        }
        finally
        {
            staging.Delete(recursive: true);
        }
    }

    private static KeyValuePair<string, string> FixedTime => new("E2FSPROGS_FAKE_TIME", Timestamp.ToString(CultureInfo.InvariantCulture));

    private static void Stage(string path, FileTree.Entry entry)
    {
        switch (entry.Kind)
        {
            case FileTree.EntryKind.Directory:
                Directory.CreateDirectory(path);
                File.SetUnixFileMode(path, entry.Permissions);
                break;
            case FileTree.EntryKind.File:
                File.WriteAllBytes(path, entry.Content);
                File.SetUnixFileMode(path, entry.Permissions);
                break;
            case FileTree.EntryKind.SymbolicLink:
                File.CreateSymbolicLink(path, Encoding.UTF8.GetString(entry.Content));
                break;
            default:
                throw new ArgumentException($"{path}: a device node cannot be made without root privileges", nameof(entry));
        }
    }

    /// <summary>mke2fs copies owners and times of the staged files, which are the builder's.</summary>
    private static async Task GiveToRootAsync(FileTree tree, string path, CancellationToken cancel)
    {
        var script = new StringBuilder();
        foreach (var name in tree.Entries.Keys.Append("").Append("lost+found"))
        {
            foreach (var (field, value) in new[] { ("uid", 0), ("gid", 0), ("atime", Timestamp), ("ctime", Timestamp), ("mtime", Timestamp), ("crtime", Timestamp) })
                script.Append(CultureInfo.InvariantCulture, $"set_inode_field \"/{name}\" {field} {(field.EndsWith("time", StringComparison.Ordinal) ? "@" : "")}{value}\n");
        }

        await Tool.RunAsync("debugfs", ["-w", "-f", "-", path], cancel: cancel, environment: FixedTime, input: script.ToString());
    }
}
