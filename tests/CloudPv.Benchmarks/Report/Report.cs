namespace CloudPv.Benchmarks;

/// <summary>What one run of the benchmarks found, and on what.</summary>
internal sealed record Report
{
    public required Machine Machine { get; init; }

    /// <summary>As it was typed, to run it again.</summary>
    public required string CommandLine { get; init; }

    public required DateTimeOffset Started { get; init; }

    public required DateTimeOffset Ended { get; init; }

    /// <summary>Processes that wanted a CPU in the minute before the first run: 0 on a quiet machine.</summary>
    public required double LoadAtStart { get; init; }

    /// <summary>The same of the last minute; holds the benchmarks themselves.</summary>
    public required double LoadAtEnd { get; init; }

    /// <summary>What a reader must know: contenders left out, rows that failed.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    public required IReadOnlyList<Result> Results { get; init; }

    public Result? Find(string name, int cpus) => Results.FirstOrDefault(result => result.Row.Name == name && result.Row.Cpus == cpus);
}
