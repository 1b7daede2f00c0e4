namespace CloudPv.Benchmarks.Tests;

public sealed class EngineSuiteTests
{
    [Fact]
    public async Task Every_operation_is_measured()
    {
        var measurements = new Measurements();
        await new EngineSuite(Repeat: 1).MeasureAsync(measurements, TestContext.Current.CancellationToken);
        measurements.Results.Select(result => result.Row.Name).ShouldBe(["translate", "tlb_hit", "tlb_miss", "hypercall", "event", "wake_up"]);
    }
}
