using CloudPv.Cli;

namespace CloudPv.Benchmarks.Tests;

public sealed class GuestRowsTests
{
    [Fact]
    public void A_group_stands_for_its_rows() => Names(GuestRows.Choose(["cpu"])).ShouldBe(["int", "branch", "nbody", "matmul"]);

    [Fact]
    public void Rows_named_twice_are_measured_once_in_the_catalogues_order() => Names(GuestRows.Choose(["tlb", "mem", "int"])).ShouldBe(["int", "memcpy", "chase", "tlb"]);

    [Fact]
    public void A_boot_has_no_rows_in_the_guest() => GuestRows.Choose(["boot", "memory"]).ShouldBeEmpty();

    [Fact]
    public void An_unknown_name_is_refused_with_those_there_are() =>
        Should.Throw<CommandFailedException>(() => GuestRows.Choose(["cpu", "speed"])).Message.ShouldStartWith("there is no row or group speed; groups are cpu, mem,");

    [Fact]
    public void With_one_cpu_nothing_that_needs_two_is_measured() => Names(GuestRows.For(GuestRows.Choose(["int", "wake", "fork", "smp_int"]), 1, least: true)).ShouldBe(["int", "fork"]);

    [Fact]
    public void What_takes_one_cpu_is_measured_only_with_the_least_number() =>
        Names(GuestRows.For(GuestRows.Choose(["int", "wake", "fork", "smp_int"]), 2, least: false)).ShouldBe(["wake", "fork", "smp_int"]);

    [Fact]
    public void With_the_least_number_what_takes_one_cpu_is_measured_whatever_it_is() =>
        Names(GuestRows.For(GuestRows.Choose(["int", "smp_int"]), 2, least: true)).ShouldBe(["int", "smp_int"]);

    [Fact]
    public void Names_are_unique() => GuestRows.All.Select(row => row.Name).ShouldBeUnique();

    [Fact]
    public void Every_name_fits_its_line_in_the_guests_list() => GuestRows.All.ShouldAllBe(row => !row.Name.Contains('\t') && !row.Command.Contains('\n') && !row.Name.Contains(','));

    private static IEnumerable<string> Names(IEnumerable<GuestRow> rows) => rows.Select(row => row.Name);
}
