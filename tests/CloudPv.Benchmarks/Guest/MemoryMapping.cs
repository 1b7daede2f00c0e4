using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>One mapping of a process, from /proc/PID/smaps (proc(5)). All sizes are bytes.</summary>
/// <param name="Name">The file or a name in brackets; empty: none.</param>
/// <param name="Resident">Its pages that are in memory.</param>
/// <param name="Share">The same with each page divided by the number of mappings that hold it.</param>
/// <param name="Anonymous">Its resident pages that belong to no file: with a file, those that were written privately.</param>
internal sealed record MemoryMapping(string Name, ulong Size, ulong Resident, ulong Share, ulong Anonymous)
{
    /// <summary>A file on disk, whose pages other processes can use as well; a memfd is memory of its process.</summary>
    private bool IsFile => Name.StartsWith('/') && !Name.StartsWith("/memfd:", StringComparison.Ordinal);

    /// <summary>What goes away with the process.</summary>
    public ulong Private => IsFile ? Anonymous : Share;

    /// <summary>What is in memory because of the process, counting each page once.</summary>
    public ulong Held => IsFile ? Resident : Share;

    public static IReadOnlyList<MemoryMapping> OfProcess(int id) => Parse(File.ReadLines($"/proc/{id.ToInvariant()}/smaps"));

    public static IReadOnlyList<MemoryMapping> Parse(IEnumerable<string> lines)
    {
        var mappings = new List<MemoryMapping>();
        foreach (var line in lines)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (!words[0].EndsWith(':'))
                mappings.Add(new MemoryMapping(string.Join(' ', words.Skip(5)), 0, 0, 0, 0));
            else
                mappings[^1] = mappings[^1].With(words[0], words);
        }

        return mappings;
    }

    private MemoryMapping With(string field, string[] words) => field switch
    {
        "Size:" => this with { Size = Kibibytes(words) },
        "Rss:" => this with { Resident = Kibibytes(words) },
        "Pss:" => this with { Share = Kibibytes(words) },
        "Anonymous:" => this with { Anonymous = Kibibytes(words) },
        _ => this,
    };

    private static ulong Kibibytes(string[] words) => ulong.Parse(words[1], CultureInfo.InvariantCulture) << 10;
}
