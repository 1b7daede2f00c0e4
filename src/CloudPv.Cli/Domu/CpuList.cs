using System.Globalization;

namespace CloudPv.Cli.Domu;

/// <summary>Numbers of processors as xl's <c>cpus</c> has them: numbers and ranges with commas, ^ before what is left out, or "all".</summary>
internal static class CpuList
{
    private const int MaxCpus = 1024;

    /// <returns>In order; empty: all.</returns>
    /// <exception cref="CommandFailedException">The text is no such list, or leaves nothing.</exception>
    public static IReadOnlyList<int> Parse(string text)
    {
        if (text == "all")
            return [];
        var cpus = new SortedSet<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (part.StartsWith('^'))
                cpus.ExceptWith(Range(part[1..], text));
            else
                cpus.UnionWith(Range(part, text));
        }
        return cpus.Count > 0 ? [.. cpus] : throw new CommandFailedException($"'{text}' leaves no CPU to run on");
    }

    private static IEnumerable<int> Range(string part, string text)
    {
        var bounds = part.Split('-');
        if (bounds.Length > 2 || !TryNumber(bounds[0], out var first) || !TryNumber(bounds[^1], out var last) || last < first)
            throw new CommandFailedException($"'{text}' is no list of CPUs: '{part}' is neither a number below {MaxCpus} nor a range, as 0-3,^2 has them");
        return Enumerable.Range(first, last - first + 1);
    }

    private static bool TryNumber(string digits, out int number) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < MaxCpus;
}
