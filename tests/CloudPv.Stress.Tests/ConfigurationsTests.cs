using CloudPv.Cli.Domu;

namespace CloudPv.Stress.Tests;

public sealed class ConfigurationsTests
{
    [Fact]
    public void Every_other_round_has_all_optimisations() => Configurations.OfRound(2).ShouldBeEmpty();

    [Fact]
    public void The_rounds_between_have_none_of_them_then_all_but_one() =>
        Enumerable.Range(0, TranslatorSwitches.Names.Count() + 1).Select(turn => Configurations.OfRound((2 * turn) + 1).ShouldHaveSingleItem())
            .ShouldBe(["all", .. TranslatorSwitches.Names]);
}
