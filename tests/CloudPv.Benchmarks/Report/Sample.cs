namespace CloudPv.Benchmarks;

/// <summary>Repeated measurements of one thing.</summary>
internal sealed record Sample(IReadOnlyList<double> Values)
{
    public double Median => MedianOf(Values);

    public double Least => Values.Min();

    public double Most => Values.Max();

    /// <summary>The median of the distances from the median: a spread that one outlier doesn't move.</summary>
    public double Deviation
    {
        get
        {
            var median = Median;
            return MedianOf(Values.Select(value => Math.Abs(value - median)));
        }
    }

    private static double MedianOf(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
