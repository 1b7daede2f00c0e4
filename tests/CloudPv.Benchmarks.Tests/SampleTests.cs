namespace CloudPv.Benchmarks.Tests;

public sealed class SampleTests
{
    [Theory]
    [InlineData(new[] { 3.0 }, 3)]
    [InlineData(new[] { 9.0, 1, 2 }, 2)]
    [InlineData(new[] { 4.0, 1, 2, 9 }, 3)]
    public void The_median_is_the_middle_or_the_mean_of_both_middle_values(double[] values, double median) => new Sample(values).Median.ShouldBe(median);

    [Fact]
    public void The_deviation_is_not_moved_by_one_outlier() => new Sample([10, 11, 12, 13, 1000]).Deviation.ShouldBe(1);

    [Fact]
    public void The_range_is_that_of_all_values()
    {
        var sample = new Sample([5, 2, 7]);
        (sample.Least, sample.Most).ShouldBe((2, 7));
    }
}
