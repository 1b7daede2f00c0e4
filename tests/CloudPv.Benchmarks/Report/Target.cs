using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>What a row of ours is held against.</summary>
internal enum Yardstick
{
    /// <summary>The factor itself, in the row's unit.</summary>
    Value,

    /// <summary>The peer's median of the row.</summary>
    Tcg,

    /// <summary>The host's own median of the row.</summary>
    Native,

    /// <summary>The same work in one process on one CPU; only where the host itself reaches the factor.</summary>
    OneCpu,

    /// <summary>The advantage over the peer that the same work has on one CPU.</summary>
    OneCpuAdvantage,

    /// <summary>The same row with as many CPUs as the host has; only where the guest has more.</summary>
    HostCpus,
}

/// <summary>A figure to reach: at least (rows where higher is better) or at most (lower) the factor times the yardstick.</summary>
internal sealed record Target(double Factor, Yardstick Yardstick)
{
    public string Describe(Row row)
    {
        var factor = (row.Better == Better.Higher ? "≥ " : "≤ ") + Factor.ToString(CultureInfo.InvariantCulture);
        return Yardstick switch
        {
            Yardstick.Value => $"{factor} {row.Unit}",
            Yardstick.Tcg => $"{factor} × TCG",
            Yardstick.Native => $"{factor} × native",
            Yardstick.OneCpu => $"{factor} × 1 CPU",
            Yardstick.HostCpus => $"{factor} × the host's number of CPUs",
            _ => "≥ its 1-CPU ratio to TCG",
        };
    }

    /// <summary>Null: the report lacks what it takes to tell, or the target doesn't apply.</summary>
    public bool? IsMet(Result result, Report report)
    {
        if (result.CloudPv is not { } ours)
            return null;
        double? limit = Yardstick switch
        {
            Yardstick.Value => Factor,
            Yardstick.Tcg => Factor * result.Tcg?.Median,
            Yardstick.Native => Factor * result.Native?.Median,
            Yardstick.OneCpu => OneCpuLimit(result, report),
            Yardstick.HostCpus => result.Row.Cpus > report.Machine.Cpus ? Factor * report.Find(result.Row.Name, report.Machine.Cpus)?.CloudPv?.Median : null,
            _ => OneCpu(result, report)?.RatioToTcg * result.Tcg?.Median,
        };
        return limit is null ? null : result.Row.Better == Better.Higher ? ours.Median >= limit : ours.Median <= limit;
    }

    private double? OneCpuLimit(Result result, Report report) =>
        OneCpu(result, report) is { CloudPv: { } ours, Native: { } native } && result.Native?.Median >= Factor * native.Median ? Factor * ours.Median : null;

    private static Result? OneCpu(Result result, Report report) =>
        report.Find(result.Row.Name.StartsWith(Targets.SmpPrefix, StringComparison.Ordinal) ? result.Row.Name[Targets.SmpPrefix.Length..] : result.Row.Name, cpus: 1);
}
