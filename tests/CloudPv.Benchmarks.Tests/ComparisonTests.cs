namespace CloudPv.Benchmarks.Tests;

public sealed class ComparisonTests
{
    private static readonly Row Rate = Reports.Row("int");
    private static readonly Row Time = Reports.Row("boot_first", better: Better.Lower, unit: "ms");

    [Fact]
    public void A_rate_that_fell_clear_of_its_old_range_is_slower()
    {
        var comparison = Compare(Rate, before: [100, 102, 104], now: [80, 82, 84]);
        comparison.Slower.ShouldHaveSingleItem().Row.ShouldBe(Rate);
        comparison.Faster.ShouldBeEmpty();
    }

    [Fact]
    public void A_time_that_grew_is_slower() => Compare(Time, before: [100, 102, 104], now: [120, 122, 124]).Slower.ShouldHaveSingleItem();

    [Fact]
    public void A_time_that_shrank_is_faster() => Compare(Time, before: [100, 102, 104], now: [80, 82, 84]).Faster.ShouldHaveSingleItem();

    [Fact]
    public void Ranges_that_overlap_are_no_change() => Compare(Rate, before: [80, 100, 104], now: [70, 75, 81]).Slower.ShouldBeEmpty();

    [Fact]
    public void A_small_difference_of_medians_is_no_change() => Compare(Rate, before: [100, 100.1, 100.2], now: [96, 96.1, 96.2]).Slower.ShouldBeEmpty();

    [Fact]
    public void Too_few_values_are_not_judged_and_that_is_said()
    {
        var comparison = Compare(Rate, before: [100, 101], now: [50, 51]);
        comparison.Slower.ShouldBeEmpty();
        comparison.Notes.ShouldHaveSingleItem().ShouldContain("1 rows");
    }

    [Fact]
    public void A_row_with_another_number_of_cpus_is_another_row() =>
        Comparison.Of(Reports.Of(Reports.Result(Rate, [100, 101, 102])), Reports.Of(Reports.Result(Rate with { Cpus = 2 }, [50, 51, 52]))).Notes
            .ShouldContain("the reports have no row in common");

    [Fact]
    public void Another_machine_is_pointed_out()
    {
        var before = Reports.Of(Reports.Result(Rate, [1, 1, 1]));
        Comparison.Of(before with { Machine = Reports.Machine with { Cpus = 64 } }, before).Notes.ShouldHaveSingleItem().ShouldContain("64 CPUs");
    }

    [Fact]
    public void What_happened_to_the_peer_meanwhile_is_told()
    {
        var before = Reports.Of(Reports.Result(Rate, [100, 102, 104], tcg: [10]));
        var now = Reports.Of(Reports.Result(Rate, [80, 82, 84], tcg: [8]));
        Comparison.Of(before, now).ToMarkdown().ShouldContain("int, 1 CPU: 102 → 82.0 iter/s (-20 %; QEMU TCG -20 %)");
    }

    private static Comparison Compare(Row row, double[] before, double[] now) => Comparison.Of(Reports.Of(Reports.Result(row, before)), Reports.Of(Reports.Result(row, now)));
}
