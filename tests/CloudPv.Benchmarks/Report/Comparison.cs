using System.Globalization;
using System.Text;

namespace CloudPv.Benchmarks;

/// <summary>
/// What became slower or faster between two reports. A row has changed if its medians differ by more than <see cref="LeastChange"/> and the ranges of its values
/// don't overlap; that takes <see cref="LeastValues"/> values on both sides.
/// </summary>
internal sealed record Comparison(IReadOnlyList<Change> Slower, IReadOnlyList<Change> Faster, IReadOnlyList<string> Notes)
{
    public const double LeastChange = 0.05;
    public const int LeastValues = 3;

    public static readonly string Rule = string.Create(
        CultureInfo.InvariantCulture, $"medians more than {LeastChange:P0} apart, and no value of one run within the range of the other's; {LeastValues} repeats at least");

    public static Comparison Of(Report before, Report now)
    {
        var both = now.Results
            .Select(result => (Now: result, Before: before.Results.FirstOrDefault(old => old.Row == result.Row)))
            .Where(pair => pair is { Now.CloudPv: not null, Before.CloudPv: not null })
            .Select(pair => (pair.Now.Row, Before: pair.Before!.CloudPv!, Now: pair.Now.CloudPv!, TcgBefore: pair.Before.Tcg, TcgNow: pair.Now.Tcg))
            .ToArray();
        var judged = both.Where(row => Math.Min(row.Before.Values.Count, row.Now.Values.Count) >= LeastValues).ToArray();
        var changed = judged
            .Where(row => IsBeyondNoise(row.Before, row.Now))
            .Select(row => new Change(row.Row, row.Before.Median, row.Now.Median, row.TcgBefore?.Median is > 0 and var tcg ? row.TcgNow?.Median / tcg : null))
            .ToArray();

        var notes = new List<string>();
        if (!before.Machine.IsLike(now.Machine))
            notes.Add($"the machines differ: {before.Machine.Processor} with {before.Machine.Cpus} CPUs, now {now.Machine.Processor} with {now.Machine.Cpus}");
        if (judged.Length < both.Length)
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"{both.Length - judged.Length} rows with fewer than {LeastValues} values in one of the reports are not judged"));
        if (both.Length == 0)
            notes.Add("the reports have no row in common");
        return new Comparison([.. changed.Where(change => change.IsWorse)], [.. changed.Where(change => !change.IsWorse)], notes);
    }

    public string ToMarkdown()
    {
        var text = new StringBuilder().AppendLine(CultureInfo.InvariantCulture, $"Changed beyond the noise: {Rule}.").AppendLine();
        foreach (var note in Notes)
            text.AppendLine(CultureInfo.InvariantCulture, $"Note: {note}.").AppendLine();
        Append(text, "Slower", Slower);
        Append(text, "Faster", Faster);
        return text.ToString();
    }

    private static bool IsBeyondNoise(Sample before, Sample now) =>
        Math.Abs(now.Median - before.Median) > LeastChange * Math.Abs(before.Median) && (now.Least > before.Most || now.Most < before.Least);

    private static void Append(StringBuilder text, string title, IReadOnlyList<Change> changes)
    {
        text.AppendLine(changes.Count == 0 ? $"{title}: none" : $"{title}:");
        foreach (var change in changes)
            text.AppendLine(CultureInfo.InvariantCulture, $"- {change}");
        text.AppendLine();
    }
}

/// <param name="Tcg">By what the peer's value was multiplied meanwhile: what hit both isn't the engine's doing. Null: the peer wasn't measured in both.</param>
internal sealed record Change(Row Row, double Before, double Now, double? Tcg)
{
    public bool IsWorse => Row.Better == Better.Higher ? Now < Before : Now > Before;

    public override string ToString()
    {
        var peer = Tcg is { } factor ? string.Create(CultureInfo.InvariantCulture, $"; {Contender.Tcg} {factor - 1:+0 %;-0 %;±0 %}") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Row.Name}, {Row.Cpus} CPU: {Figure.Show(Before)} → {Figure.Show(Now)} {Row.Unit} ({(Now / Before) - 1:+0 %;-0 %;±0 %}{peer})");
    }
}
