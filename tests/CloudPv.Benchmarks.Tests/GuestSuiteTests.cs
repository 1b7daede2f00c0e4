using CloudPv.Cli.StarterImage;

namespace CloudPv.Benchmarks.Tests;

public sealed class GuestSuiteTests
{
    [Fact]
    public async Task A_row_is_measured_in_a_guest_on_the_engine()
    {
        var measurements = new Measurements();
        await Suite("int", "memory").MeasureAsync(measurements, TestContext.Current.CancellationToken);

        measurements.Failed.ShouldBeFalse(string.Join('\n', measurements.Notes));
        measurements.Results.Select(result => result.Row.Name).ShouldBe(["private", "beside", "touched", "peak", "int"]);
        measurements.Results.ShouldAllBe(result => result.CloudPv!.Median > 0);
    }

    private static GuestSuite Suite(params string[] rows) => new()
    {
        Rows = rows,
        Cpus = [1],
        Repeat = 1,
        Seconds = 0.01,
        Alone = true,
        KernelPackage = StarterImageBuilder.DefaultKernelPackage,
        App = AppContext.BaseDirectory,
    };
}
