namespace CloudPv.Benchmarks.Tests;

/// <summary>Reports made up by tests.</summary>
internal static class Reports
{
    public static readonly Machine Machine = new("Test <CPU>", 2, 1024, "6.1", "Debian", new Dictionary<string, string> { ["QEMU"] = "7.2" });

    public static Report Of(params IReadOnlyList<Result> results) => new()
    {
        Machine = Machine,
        CommandLine = "./cloudpv bench",
        Started = new DateTimeOffset(2026, 1, 2, 3, 4, 0, TimeSpan.Zero),
        Ended = new DateTimeOffset(2026, 1, 2, 3, 14, 0, TimeSpan.Zero),
        LoadAtStart = 0.1,
        LoadAtEnd = 1.5,
        Notes = ["a note"],
        Results = results,
    };

    public static Row Row(string name, int cpus = 1, Better better = Better.Higher, string unit = "iter/s") => new("cpu", name, cpus, unit, better);

    public static Result Result(Row row, double[]? ours = null, double[]? tcg = null, double[]? native = null)
    {
        var samples = new Dictionary<string, Sample>();
        if (ours is not null)
            samples[Contender.CloudPv] = new Sample(ours);
        if (tcg is not null)
            samples[Contender.Tcg] = new Sample(tcg);
        if (native is not null)
            samples[Contender.Native] = new Sample(native);
        return new Result(row, samples);
    }
}
