using System.Buffers.Binary;
using System.Text;

namespace CloudPv.Cli.StarterImage;

/// <summary>
/// The modules of one unpacked kernel package and what they need of each other, read from each module's own .modinfo section:
/// a package holds no modules.dep, which depmod writes only when it is installed.
/// </summary>
public sealed class KernelModules
{
    private readonly Dictionary<string, string> _files;
    private readonly HashSet<string> _builtIn;

    /// <param name="folder">The package's lib/modules/VERSION.</param>
    public KernelModules(string folder)
    {
        _files = Directory.EnumerateFiles(Path.Combine(folder, "kernel"), "*.ko*", SearchOption.AllDirectories)
            .ToDictionary(NameOf, StringComparer.Ordinal);
        _builtIn = File.ReadLines(Path.Combine(folder, "modules.builtin")).Select(NameOf).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>The module files to load for the modules asked for, in an order in which each finds what it needs; what is built into the kernel is left out.</summary>
    public async Task<IReadOnlyList<KernelModule>> ResolveAsync(IEnumerable<string> names, CancellationToken cancel)
    {
        var order = new List<KernelModule>();
        foreach (var name in names)
            await AddAsync(name, order, cancel);
        return order;
    }

    private async Task AddAsync(string name, List<KernelModule> order, CancellationToken cancel)
    {
        if (_builtIn.Contains(name) || order.Exists(module => module.Name == name))
            return;
        if (!_files.TryGetValue(name, out var file))
            throw new CommandFailedException($"the kernel package has no module {name}");

        var content = await ReadAsync(file, cancel);
        foreach (var (key, value) in ModuleInfo(content))
        {
            switch (key)
            {
                case "depends":
                    foreach (var needed in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
                        await AddAsync(NameOf(needed), order, cancel);
                    break;
                case "softdep" when value.StartsWith("pre: ", StringComparison.Ordinal):
                    foreach (var alias in value["pre: ".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
                        await AddProviderAsync(alias, order, cancel);
                    break;
            }
        }

        order.Add(new KernelModule(name, content));
    }

    /// <summary>A soft dependency names an algorithm of the kernel's crypto interface (ext4 wants "crypto-crc32c"): its portable implementation will do.</summary>
    private async Task AddProviderAsync(string alias, List<KernelModule> order, CancellationToken cancel)
    {
        const string crypto = "crypto-";
        var generic = NameOf((alias.StartsWith(crypto, StringComparison.Ordinal) ? alias[crypto.Length..] : alias) + "_generic");
        if (_files.ContainsKey(generic))
            await AddAsync(generic, order, cancel);
    }

    private static async Task<byte[]> ReadAsync(string file, CancellationToken cancel)
    {
        if (!file.EndsWith(".xz", StringComparison.Ordinal))
            return await File.ReadAllBytesAsync(file, cancel);

        var copy = Path.Combine(Path.GetDirectoryName(file)!, Path.GetFileNameWithoutExtension(file));
        await Tool.RunAsync("xz", ["--decompress", "--force", file], cancel: cancel);
        return await File.ReadAllBytesAsync(copy, cancel);
    }

    /// <summary>Files may be named with dashes where the kernel's own name of the module has underscores.</summary>
    private static string NameOf(string path)
    {
        var file = Path.GetFileName(path);
        var end = file.IndexOf(".ko", StringComparison.Ordinal);
        return (end < 0 ? file : file[..end]).Replace('-', '_');
    }

    /// <summary>The key=value strings of an ELF64 object's .modinfo section.</summary>
    private static IEnumerable<(string Key, string Value)> ModuleInfo(byte[] elf) =>
        Encoding.ASCII.GetString(Section(elf, ".modinfo"))
            .Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .Where(pair => pair.Length == 2)
            .Select(pair => (pair[0], pair[1]));

    private static ReadOnlySpan<byte> Section(ReadOnlySpan<byte> elf, string name)
    {
        var table = (int)BinaryPrimitives.ReadInt64LittleEndian(elf[0x28..]);
        var size = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3a..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3c..]);
        var namesHeader = elf.Slice(table + (size * BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3e..])), size);
        var names = Content(elf, namesHeader);
        var wanted = Encoding.ASCII.GetBytes(name + '\0');
        for (var i = 0; i < count; i++)
        {
            var header = elf.Slice(table + (i * size), size);
            if (names[BinaryPrimitives.ReadInt32LittleEndian(header)..].StartsWith(wanted))
                return Content(elf, header);
        }

        return [];
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> elf, ReadOnlySpan<byte> header) =>
        elf.Slice((int)BinaryPrimitives.ReadInt64LittleEndian(header[0x18..]), (int)BinaryPrimitives.ReadInt64LittleEndian(header[0x20..]));
}

/// <summary>A module file as the kernel's loader takes it: not compressed.</summary>
public sealed record KernelModule(string Name, byte[] Content);
