using System.Globalization;
using CloudPv.Hypervisor;

namespace CloudPv.Cli.Domu;

/// <summary>The table that <c>--stats</c> prints.</summary>
internal static class DomuStatistics
{
    public static async Task WriteAsync(DomainCounters counters, TextWriter output)
    {
        await WriteAsync("hypercalls", counters.Hypercalls, output);
        await WriteAsync("exits", counters.Exits, output);
        await WriteAsync("translator", counters.Translator, output);
    }

    private static async Task WriteAsync(string title, IReadOnlyDictionary<string, ulong> counts, TextWriter output)
    {
        await output.WriteLineAsync($"{title}:");
        foreach (var (name, count) in counts.OrderByDescending(entry => entry.Value))
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"  {count,14}  {name}"));
    }
}
