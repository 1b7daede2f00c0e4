using System.Xml.Linq;
using CloudPv.Cli;

namespace CloudPv.Benchmarks.Tests;

public sealed class ReportTests
{
    private static readonly Report Full = Reports.Of(
        Reports.Result(Reports.Row("int"), [20, 21, 29], tcg: [10], native: [40]),
        Reports.Result(Reports.Row("zstd"), [31], tcg: [10], native: [40]),
        Reports.Result(new Row("engine", "hypercall", 0, "ns", Better.Lower), [100]));

    [Fact]
    public void A_row_shows_median_range_ratios_and_targets() =>
        MarkdownReport.Write(Full, "p.svg").ShouldContain(
            "| int | iter/s | 21.0 (20.0–29.0) | 10.0 | 2.10 | 40.0 | 0.525 | ≥ 3 × TCG: **missed**; ≥ 0.7 × native: **missed** |");

    [Fact]
    public void Each_group_has_a_table_with_the_columns_that_it_has_values_for()
    {
        var text = MarkdownReport.Write(Full, "p.svg");
        text.ShouldContain("## cpu, 1 CPU\n\n| row | unit | CloudPv | QEMU TCG | ratio | native | ratio | target |");
        text.ShouldContain("## engine\n\n| row | unit | CloudPv | target |");
    }

    [Fact]
    public void Missed_targets_are_listed() => MarkdownReport.Write(Full, "p.svg").ShouldContain("Missed:\n\n- int, 1 CPU: ≥ 3 × TCG\n- int, 1 CPU: ≥ 0.7 × native\n");

    [Fact]
    public void The_head_tells_command_machine_versions_load_and_notes()
    {
        var text = MarkdownReport.Write(Full, "p.svg");
        string[] parts = ["`./cloudpv bench`", "2026-01-02 03:04 to 03:14", "Test <CPU>, 2 CPUs", "QEMU: 7.2", "first run 0.10", "- a note"];
        parts.ShouldAllBe(part => text.Contains(part, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0.1, false)]
    [InlineData(2, true)]
    public void A_busy_machine_is_pointed_out(double load, bool busy) =>
        MarkdownReport.Write(Full with { LoadAtStart = load }, "p.svg").Contains("The machine was busy", StringComparison.Ordinal).ShouldBe(busy);

    [Fact]
    public void A_report_without_the_peer_refers_to_no_picture() =>
        MarkdownReport.Write(Reports.Of(Reports.Result(Reports.Row("int"), [1])), "p.svg").ShouldNotContain("p.svg");

    [Fact]
    public void A_written_report_is_read_back_as_it_was()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, JsonReport.Write(Full));
            MarkdownReport.Write(JsonReport.Read(path), "p.svg").ShouldBe(MarkdownReport.Write(Full, "p.svg"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("{}")]
    [InlineData("null")]
    public void What_is_no_report_is_refused_by_name(string content)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, content);
            Should.Throw<CommandFailedException>(() => JsonReport.Read(path)).Message.ShouldContain(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_missing_report_is_refused_by_name() => Should.Throw<CommandFailedException>(() => JsonReport.Read("/no/such/report")).Message.ShouldContain("/no/such/report");

    [Fact]
    public void The_picture_has_a_bar_for_each_row_that_the_peer_has_too()
    {
        var picture = XDocument.Parse(SvgPicture.Write(Full));
        Elements(picture, "rect").Select(bar => (string?)bar.Attribute("class")).ShouldBe(["missed", "bar"]);
    }

    [Fact]
    public void The_picture_marks_native_where_it_is_on_the_scale()
    {
        var picture = XDocument.Parse(SvgPicture.Write(Full));
        var mark = Elements(picture, "line").First(line => (string?)line.Attribute("class") == "native");
        // 4 times the peer's, between the lines of 1 and of 10.
        var lines = Elements(picture, "line").Where(line => (string?)line.Attribute("class") is "one" or "grid").Select(line => (double)line.Attribute("x1")!).ToArray();
        ((double)mark.Attribute("x1")!).ShouldBe(lines[0] + ((lines[1] - lines[0]) * Math.Log10(4)), tolerance: 0.1);
    }

    [Fact]
    public void A_row_in_which_less_is_better_has_its_bar_to_the_right_when_there_is_less()
    {
        var picture = XDocument.Parse(SvgPicture.Write(Reports.Of(Reports.Result(Reports.Row("time", better: Better.Lower), [5], tcg: [10]))));
        Elements(picture, "text").Select(text => text.Value).ShouldContain("2.00 ×");
    }

    [Fact]
    public void A_picture_of_nothing_is_a_picture() => Elements(XDocument.Parse(SvgPicture.Write(Reports.Of())), "rect").ShouldBeEmpty();

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.01234, "0.0123")]
    [InlineData(1.005, "1.00")]
    [InlineData(98.76, "98.8")]
    [InlineData(123456.7, "123457")]
    public void Figures_have_three_digits_and_all_before_the_point(double value, string shown) => Figure.Show(value).ShouldBe(shown);

    private static IEnumerable<XElement> Elements(XDocument picture, string name) => picture.Descendants(XName.Get(name, "http://www.w3.org/2000/svg"));
}
