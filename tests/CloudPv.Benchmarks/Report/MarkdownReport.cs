using System.Globalization;
using System.Text;

namespace CloudPv.Benchmarks;

/// <summary>A report for readers: what was measured on what, and a table for each group of rows.</summary>
internal static class MarkdownReport
{
    /// <summary>Load average up to which a machine counts as quiet.</summary>
    private const double QuietLoad = 0.5;

    public static string Write(Report report, string picture)
    {
        var text = new StringBuilder()
            .AppendLine("# What the benchmarks found")
            .AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"`{report.CommandLine}`, {report.Started:yyyy-MM-dd HH:mm} to {report.Ended:HH:mm} UTC")
            .AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"- {report.Machine.Processor}, {report.Machine.Cpus} CPUs, {report.Machine.MemoryMiB} MiB; {report.Machine.System}, Linux {report.Machine.Kernel}")
            .AppendLine(CultureInfo.InvariantCulture, $"- {string.Join("; ", report.Machine.Versions.Select(version => $"{version.Key}: {version.Value}"))}")
            .AppendLine(CultureInfo.InvariantCulture, $"- Load average before the first run {report.LoadAtStart:F2}, behind the last {report.LoadAtEnd:F2}{(report.LoadAtStart > QuietLoad ? ". **The machine was busy: don't rely on these figures**" : "")}");
        foreach (var note in report.Notes)
            text.AppendLine(CultureInfo.InvariantCulture, $"- {note}");
        text.AppendLine();
        if (report.Results.Any(result => result.RatioToTcg is not null))
            text.AppendLine(CultureInfo.InvariantCulture, $"![How many times as good as {Contender.Tcg}]({picture})").AppendLine();
        text.AppendLine("Medians, with the least and the most in brackets. A ratio is our median divided by the other's.");

        foreach (var group in report.Results.GroupBy(result => (result.Row.Group, result.Row.Cpus)))
        {
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"## {Title(group.Key.Group, group.Key.Cpus)}").AppendLine();
            AppendTable(text, [.. group], report);
        }

        AppendTargets(text, report);
        return text.ToString();
    }

    public static string Title(string group, int cpus) => cpus switch
    {
        0 => group,
        1 => $"{group}, 1 CPU",
        _ => string.Create(CultureInfo.InvariantCulture, $"{group}, {cpus} CPUs"),
    };

    private static void AppendTable(StringBuilder text, Result[] results, Report report)
    {
        var withTcg = results.Any(result => result.Tcg is not null);
        var withNative = results.Any(result => result.Native is not null);
        AppendLine(text, ["row", "unit", Contender.CloudPv, .. Columns(withTcg, Contender.Tcg, "ratio"), .. Columns(withNative, Contender.Native, "ratio"), "target"]);
        AppendLine(text, ["---", "---", "--:", .. Columns(withTcg, "--:", "--:"), .. Columns(withNative, "--:", "--:"), "---"]);
        foreach (var result in results)
        {
            AppendLine(text,
            [
                result.Row.Name, result.Row.Unit, Show(result.CloudPv),
                .. Columns(withTcg, Show(result.Tcg), Show(result.RatioToTcg)),
                .. Columns(withNative, Show(result.Native), Show(result.RatioToNative)),
                string.Join("; ", Targets.Of(result.Row).Select(target => Verdict(target, result, report)).OfType<string>()),
            ]);
        }
    }

    private static void AppendTargets(StringBuilder text, Report report)
    {
        var judged = report.Results.SelectMany(result => Targets.Of(result.Row).Select(target => (result.Row, Target: target, Met: target.IsMet(result, report)))).ToArray();
        if (judged.Length == 0)
            return;
        var missed = judged.Where(one => one.Met == false).ToArray();
        text.AppendLine().AppendLine("## Targets").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"{judged.Count(one => one.Met == true)} met, {missed.Length} missed, {judged.Count(one => one.Met is null)} not applicable or not measured.");
        if (missed.Length > 0)
            text.AppendLine().AppendLine("Missed:").AppendLine();
        foreach (var (row, target, _) in missed)
            text.AppendLine(CultureInfo.InvariantCulture, $"- {Title(row.Name, row.Cpus)}: {target.Describe(row)}");
    }

    private static string[] Columns(bool shown, params string[] columns) => shown ? columns : [];

    private static string Show(Sample? sample) => sample switch
    {
        null => "",
        { Values.Count: 1 } => Figure.Show(sample.Median),
        _ => $"{Figure.Show(sample.Median)} ({Figure.Show(sample.Least)}–{Figure.Show(sample.Most)})",
    };

    private static string Show(double? ratio) => ratio is { } value ? Figure.Show(value) : "";

    /// <summary>Null where there is nothing to say.</summary>
    private static string? Verdict(Target target, Result result, Report report) =>
        target.IsMet(result, report) is { } met ? $"{target.Describe(result.Row)}: {(met ? "met" : "**missed**")}" : null;

    private static void AppendLine(StringBuilder text, string[] cells) => text.AppendLine(CultureInfo.InvariantCulture, $"| {string.Join(" | ", cells)} |");
}
