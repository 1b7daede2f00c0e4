using System.Text;

namespace CloudPv.Cli.StarterImage;

/// <summary>Files of a small Unix file system, held in memory, all owned by root: what an initrd or a root disk is made from.</summary>
public sealed class FileTree
{
    /// <summary>Mode 0600.</summary>
    public const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Mode 0644.</summary>
    public const UnixFileMode Readable = Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Mode 0755.</summary>
    public const UnixFileMode Executable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The entries with paths relative to the root (<c>etc/passwd</c>), each after the directories that hold it.</summary>
    public IReadOnlyDictionary<string, Entry> Entries => _entries;

    public FileTree Directory(string path, UnixFileMode permissions = Executable)
    {
        AddParents(path);
        _entries[path] = new Entry(EntryKind.Directory, permissions, []);
        return this;
    }

    public FileTree File(string path, byte[] content, UnixFileMode permissions = Readable)
    {
        AddParents(path);
        _entries[path] = new Entry(EntryKind.File, permissions, content);
        return this;
    }

    public FileTree SymbolicLink(string path, string target)
    {
        AddParents(path);
        _entries[path] = new Entry(EntryKind.SymbolicLink, Executable, Encoding.UTF8.GetBytes(target));
        return this;
    }

    public FileTree CharacterDevice(string path, int major, int minor)
    {
        AddParents(path);
        _entries[path] = new Entry(EntryKind.CharacterDevice, Private, [], major, minor);
        return this;
    }

    /// <summary>Adds the files that this program carries under a name, as they stand in <c>StarterImage/NAME</c>; scripts become executable.</summary>
    public FileTree Embedded(string name)
    {
        var prefix = name + "/";
        var assembly = typeof(FileTree).Assembly;
        foreach (var resource in assembly.GetManifestResourceNames().Where(r => r.StartsWith(prefix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(resource)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            File(resource[prefix.Length..], content, content.AsSpan().StartsWith("#!"u8) ? Executable : Readable);
        }

        return this;
    }

    private void AddParents(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = path.IndexOf('/', slash + 1))
            _entries.TryAdd(path[..slash], new Entry(EntryKind.Directory, Executable, []));
    }

    /// <param name="Kind">What it is.</param>
    /// <param name="Permissions">The lower twelve bits of its mode.</param>
    /// <param name="Content">A file's bytes, or a link's target.</param>
    /// <param name="Major">A device's numbers.</param>
    /// <param name="Minor">A device's numbers.</param>
    public sealed record Entry(EntryKind Kind, UnixFileMode Permissions, byte[] Content, int Major = 0, int Minor = 0);

    /// <summary>Kinds of files by their S_IF* value.</summary>
    public enum EntryKind
    {
        None = 0,
        CharacterDevice = 0x2000,
        Directory = 0x4000,
        File = 0x8000,
        SymbolicLink = 0xa000,
    }
}
