namespace CloudPv.Benchmarks.Tests;

public sealed class MeasurementsTests
{
    [Fact]
    public void Values_of_one_row_and_contender_are_one_sample()
    {
        var measurements = new Measurements();
        measurements.Add(Reports.Row("int"), Contender.CloudPv, 1);
        measurements.Add(Reports.Row("int"), Contender.Tcg, 2);
        measurements.Add(Reports.Row("int"), Contender.CloudPv, 3);
        var result = measurements.Results.ShouldHaveSingleItem();
        result.CloudPv!.Values.ShouldBe([1, 3]);
        result.Tcg!.Values.ShouldBe([2]);
    }

    [Fact]
    public void Rows_stand_in_the_order_of_their_first_values()
    {
        var measurements = new Measurements();
        foreach (var name in new[] { "b", "a", "b" })
            measurements.Add(Reports.Row(name), Contender.CloudPv, 1);
        measurements.Results.Select(result => result.Row.Name).ShouldBe(["b", "a"]);
    }

    [Fact]
    public void The_same_note_is_taken_once_and_a_failure_is_a_note()
    {
        var measurements = new Measurements();
        measurements.Note("n");
        measurements.Note("n");
        measurements.Failed.ShouldBeFalse();
        measurements.Fail("f");
        measurements.Failed.ShouldBeTrue();
        measurements.Notes.ShouldBe(["n", "f"]);
    }
}
