namespace CloudPv.Benchmarks.Tests;

public sealed class TargetTests
{
    [Theory]
    [InlineData(30, true)]
    [InlineData(29, false)]
    public void A_rate_has_to_be_at_least_the_factor_times_the_peers(double ours, bool met) =>
        IsMet(new Target(3, Yardstick.Tcg), Reports.Result(Reports.Row("int"), [ours], tcg: [10])).ShouldBe(met);

    [Theory]
    [InlineData(6, true)]
    [InlineData(7, false)]
    public void A_time_has_to_be_at_most_the_factor_times_the_peers(double ours, bool met) =>
        IsMet(new Target(0.6, Yardstick.Tcg), Reports.Result(Reports.Row("boot_first", better: Better.Lower), [ours], tcg: [10])).ShouldBe(met);

    [Theory]
    [InlineData(40, true)]
    [InlineData(41, false)]
    public void A_value_may_be_the_limit_itself(double ours, bool met) =>
        IsMet(new Target(40, Yardstick.Value), Reports.Result(Reports.Row("private", better: Better.Lower), [ours])).ShouldBe(met);

    [Fact]
    public void Nothing_is_said_where_the_yardstick_was_not_measured() =>
        IsMet(new Target(0.5, Yardstick.Native), Reports.Result(Reports.Row("int"), [30], tcg: [10])).ShouldBeNull();

    [Theory]
    [InlineData(19, true)]
    [InlineData(18, false)]
    public void Two_cpus_have_to_do_what_one_does_times_the_factor(double ours, bool met) =>
        IsMet(new Target(1.9, Yardstick.OneCpu), Reports.Result(Reports.Row("smp_int", cpus: 2), [ours], native: [40]), Reports.Result(Reports.Row("int"), [10], native: [20]))
            .ShouldBe(met);

    [Fact]
    public void Two_cpus_need_not_do_what_the_host_itself_does_not() =>
        IsMet(new Target(1.9, Yardstick.OneCpu), Reports.Result(Reports.Row("smp_int", cpus: 2), [10], native: [30]), Reports.Result(Reports.Row("int"), [10], native: [20]))
            .ShouldBeNull();

    [Theory]
    [InlineData(60, true)]
    [InlineData(59, false)]
    public void The_advantage_over_the_peer_has_to_be_that_of_one_cpu(double ours, bool met) =>
        IsMet(new Target(1, Yardstick.OneCpuAdvantage), Reports.Result(Reports.Row("smp_int", cpus: 2), [ours], tcg: [20]), Reports.Result(Reports.Row("int"), [30], tcg: [10]))
            .ShouldBe(met);

    [Theory]
    [InlineData(8, 18, true)]
    [InlineData(8, 17, false)]
    [InlineData(1, 17, null)]
    public void More_cpus_than_the_host_has_may_cost_little(int cpus, double ours, bool? met) =>
        IsMet(new Target(0.9, Yardstick.HostCpus), Reports.Result(Reports.Row("smp_int", cpus), [ours]), Reports.Result(Reports.Row("smp_int", cpus: 2), [20])).ShouldBe(met);

    [Fact]
    public void Every_parallel_row_has_a_row_of_one_process() =>
        GuestRows.All.Where(row => row.Name.StartsWith(Targets.SmpPrefix, StringComparison.Ordinal))
            .Select(row => row.Name[Targets.SmpPrefix.Length..]).ShouldBeSubsetOf(GuestRows.All.Select(row => row.Name));

    private static bool? IsMet(Target target, Result result, params Result[] others) => target.IsMet(result, Reports.Of([result, .. others]));
}
