namespace CloudPv.Benchmarks;

/// <summary>Benchmarks that belong together.</summary>
internal interface ISuite
{
    Task MeasureAsync(Measurements measurements, CancellationToken cancel);
}
