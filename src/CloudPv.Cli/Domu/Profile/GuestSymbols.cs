using System.Globalization;
using System.Text;
using CloudPv.Hypervisor;

namespace CloudPv.Cli.Domu.Profile;

/// <summary>A kernel's functions by linear address.</summary>
public sealed class GuestSymbols
{
    private readonly ulong[] _addresses;
    private readonly string[] _names;

    private GuestSymbols(IEnumerable<GuestSymbol> symbols)
    {
        // Of several names for one address the first stays.
        var functions = symbols.DistinctBy(symbol => symbol.Address).OrderBy(symbol => symbol.Address).ToArray();
        _addresses = [.. functions.Select(symbol => symbol.Address)];
        _names = [.. functions.Select(symbol => symbol.Name)];
    }

    public int Count => _names.Length;

    /// <summary>Reads a System.map, or what a kernel image (bzImage, ELF) knows of itself: its symbol table, or the kallsyms in it. Empty: it knows nothing.</summary>
    /// <exception cref="CommandFailedException">The file can't be read, or is neither.</exception>
    public static GuestSymbols Read(string path)
    {
        try
        {
            var file = File.ReadAllBytes(path);
            return new GuestSymbols(IsText(file) ? ReadMap(path, Encoding.ASCII.GetString(file)) : ReadKernel(file));
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or DomainBuildException)
        {
            throw new CommandFailedException($"{path}: no symbols can be read: {unusable.Message}");
        }
    }

    /// <summary>The function that an address lies in; null: it lies before the first.</summary>
    public string? Find(ulong address)
    {
        var index = Array.BinarySearch(_addresses, address);
        if (index < 0)
            index = ~index - 1;
        return index < 0 ? null : _names[index];
    }

    private static bool IsText(ReadOnlySpan<byte> file) => file[..Math.Min(file.Length, 4096)].IndexOfAnyExceptInRange((byte)'\n', (byte)'~') < 0;

    /// <summary>Lines of "address type name".</summary>
    private static IEnumerable<GuestSymbol> ReadMap(string path, string text)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ', StringSplitOptions.TrimEntries) is not [var address, { Length: 1 } type, var name, ..]
                || !ulong.TryParse(address, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
                throw new CommandFailedException($"{path}: '{line}' is no line of a System.map, which is \"address type name\"");
            if (GuestSymbol.IsFunction(type[0]))
                yield return new GuestSymbol(value, name);
        }
    }

    private static IReadOnlyList<GuestSymbol> ReadKernel(byte[] file)
    {
        using var kernel = KernelImage.Inspect(file);
        using var expanded = new MemoryStream();
        kernel.CopyElfTo(expanded);
        var elf = expanded.GetBuffer().AsSpan(0, (int)expanded.Length);
        var table = ElfSymbols.Read(elf);
        return table.Count > 0 ? table : Kallsyms.Read(elf);
    }
}

/// <param name="Address">Linear, as the kernel was linked, which is where a PV kernel runs.</param>
internal readonly record struct GuestSymbol(ulong Address, string Name)
{
    /// <summary>Whether a type letter of nm(1) is that of code.</summary>
    public static bool IsFunction(char type) => type is 'T' or 't' or 'W' or 'w';
}
