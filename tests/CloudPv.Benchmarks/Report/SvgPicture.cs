using System.Globalization;
using System.Net;
using System.Text;

namespace CloudPv.Benchmarks;

/// <summary>
/// A report as bars: how many times as good as the peer each row is, on a logarithmic scale, with the host itself marked. Readable on light and dark pages, and without
/// colours: what missed a target is hatched by its outline and says so.
/// </summary>
internal static class SvgPicture
{
    private const int Left = 140, Right = 240, Plot = 560, RowHeight = 18, HeadHeight = 28, Top = 64, Bottom = 12;

    private const string Style = """
        text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-size: 15px; font-weight: 600 } .group { font-weight: 600 } .soft { fill: #57606a }
        .grid { stroke: #d0d7de } .one { stroke: #57606a; stroke-width: 1.5 } .bar { fill: #2f7d4f } .missed { fill: #f6d8b8; stroke: #b35900 } .native { stroke: #24292f; stroke-width: 2.5 }
        @media (prefers-color-scheme: dark) {
          text { fill: #e6edf3 } .soft { fill: #9da7b3 } .grid { stroke: #30363d } .one { stroke: #9da7b3 } .bar { fill: #57ab7a } .missed { fill: #5a3410; stroke: #f0a35e }
          .native { stroke: #e6edf3 }
        }
        """;

    public static string Write(Report report)
    {
        var groups = report.Results.Where(result => result.AdvantageOverTcg(Contender.CloudPv) > 0).GroupBy(result => (result.Row.Group, result.Row.Cpus)).ToArray();
        var scale = Scale.Covering(groups.SelectMany(group => group).SelectMany(result =>
            new[] { result.AdvantageOverTcg(Contender.CloudPv), result.AdvantageOverTcg(Contender.Native) }.OfType<double>()));
        var height = Top + groups.Sum(group => HeadHeight + (group.Count() * RowHeight)) + Bottom;
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Left + Plot + Right} {height}" role="img">""")
            .AppendLine(CultureInfo.InvariantCulture, $"<title>How many times as good as {Contender.Tcg}</title>")
            .AppendLine(CultureInfo.InvariantCulture, $"<style>{Style}</style>");
        Text(svg, 8, 20, "title", $"How many times as good as {Contender.Tcg}");
        Text(svg, 8, 38, "soft", $"Bar: {Contender.CloudPv}; outlined: misses a target. Upright line: {Contender.Native}. {report.Started:yyyy-MM-dd}, {report.Machine.Processor}");
        for (var power = scale.From; power <= scale.To; power++)
        {
            var x = scale.At(Math.Pow(10, power));
            Line(svg, power == 0 ? "one" : "grid", x, Top - 6, height - Bottom);
            Text(svg, x, Top - 10, "soft", Math.Pow(10, power).ToString(CultureInfo.InvariantCulture) + " ×", "middle");
        }

        var y = Top;
        foreach (var group in groups)
        {
            Text(svg, 8, y + 18, "group", MarkdownReport.Title(group.Key.Group, group.Key.Cpus));
            y += HeadHeight;
            foreach (var result in group)
            {
                AppendRow(svg, result, report, scale, y);
                y += RowHeight;
            }
        }

        return svg.AppendLine("</svg>").ToString();
    }

    private static void AppendRow(StringBuilder svg, Result result, Report report, Scale scale, int y)
    {
        var advantage = result.AdvantageOverTcg(Contender.CloudPv)!.Value;
        var missed = Targets.Of(result.Row).Any(target => target.IsMet(result, report) == false);
        double from = scale.At(Math.Min(advantage, 1)), to = scale.At(Math.Max(advantage, 1));
        Text(svg, Left - 8, y + 13, "", result.Row.Name, "end");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<rect class="{(missed ? "missed" : "bar")}" x="{from:F1}" y="{y + 3}" width="{to - from:F1}" height="{RowHeight - 6}"/>""");
        if (result.AdvantageOverTcg(Contender.Native) is { } native)
            Line(svg, "native", scale.At(native), y + 1, y + RowHeight - 1);
        var ofNative = result.RatioToNative is { } ratio ? $", {Figure.Show(ratio)} of native" : "";
        Text(svg, Left + Plot + 12, y + 13, "", $"{Figure.Show(advantage)} ×{ofNative}{(missed ? ", missed" : "")}");
    }

    private static void Text(StringBuilder svg, double x, int y, string style, string text, string anchor = "start") =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text class="{style}" x="{x:F1}" y="{y}" text-anchor="{anchor}">{WebUtility.HtmlEncode(text)}</text>""");

    private static void Line(StringBuilder svg, string style, double x, int from, int to) =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<line class="{style}" x1="{x:F1}" y1="{from}" x2="{x:F1}" y2="{to}"/>""");

    /// <summary>Powers of ten across the plot.</summary>
    private sealed record Scale(int From, int To)
    {
        public static Scale Covering(IEnumerable<double> values)
        {
            var logarithms = values.Where(value => value > 0).Select(Math.Log10).DefaultIfEmpty(0).ToArray();
            return new Scale(Math.Min(0, (int)Math.Floor(logarithms.Min())), Math.Max(1, (int)Math.Ceiling(logarithms.Max())));
        }

        public double At(double value) => Left + (Plot * (Math.Log10(value) - From) / (To - From));
    }
}
