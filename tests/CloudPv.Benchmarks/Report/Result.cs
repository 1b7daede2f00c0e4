using System.Text.Json.Serialization;

namespace CloudPv.Benchmarks;

/// <summary>One row with what each contender reached.</summary>
internal sealed record Result(Row Row, IReadOnlyDictionary<string, Sample> Samples)
{
    [JsonIgnore]
    public Sample? CloudPv => Samples.GetValueOrDefault(Contender.CloudPv);

    [JsonIgnore]
    public Sample? Tcg => Samples.GetValueOrDefault(Contender.Tcg);

    [JsonIgnore]
    public Sample? Native => Samples.GetValueOrDefault(Contender.Native);

    /// <summary>Our median over the peer's; null where one is missing.</summary>
    public double? RatioToTcg => Ratio(CloudPv, Tcg);

    /// <summary>Our median over the host's own; null where one is missing.</summary>
    public double? RatioToNative => Ratio(CloudPv, Native);

    /// <summary>How many times as good a contender is as the peer, whichever way the row counts; null where one is missing.</summary>
    public double? AdvantageOverTcg(string contender) => Ratio(Samples.GetValueOrDefault(contender), Tcg) is { } ratio
        ? Row.Better == Better.Higher ? ratio : 1 / ratio
        : null;

    private static double? Ratio(Sample? one, Sample? other) => one is not null && other is not null && other.Median > 0 ? one.Median / other.Median : null;
}
