namespace CloudPv.Benchmarks.Tests;

public sealed class GuestLineTests
{
    [Theory]
    [InlineData("ROW int 123.5", "int", 123.5)]
    [InlineData("ROW smp_zstd 1.5e+06\r", "smp_zstd", 1.5e6)]
    [InlineData("[    1.2] ROW tcp 7", "tcp", 7)]
    public void A_row_is_a_name_and_a_value(string line, string name, double value) => GuestLine.Parse(line).ShouldBe(new GuestLine(GuestLineKind.Row, name, value));

    [Fact]
    public void Ready_tells_the_guests_uptime() => GuestLine.Parse("READY 0.75").ShouldBe(new GuestLine(GuestLineKind.Ready, Value: 0.75));

    [Fact]
    public void Done_is_the_end() => GuestLine.Parse("DONE").Kind.ShouldBe(GuestLineKind.Done);

    [Theory]
    [InlineData("")]
    [InlineData("ROW")]
    [InlineData("ROW int")]
    [InlineData("ROW int many")]
    [InlineData("ROW int -1")]
    [InlineData("ROW int NaN")]
    [InlineData("ROW int 1e999")]
    [InlineData("READY soon")]
    [InlineData("It is DONE.")]
    [InlineData("[    0.1] Linux version 6.1")]
    public void Anything_else_is_no_line_of_the_guests(string line) => GuestLine.Parse(line).Kind.ShouldBe(GuestLineKind.Other);
}
