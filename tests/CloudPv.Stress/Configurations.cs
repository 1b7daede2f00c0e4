using CloudPv.Cli.Domu;

namespace CloudPv.Stress;

/// <summary>Which of the translator's optimisations are off in which round.</summary>
internal static class Configurations
{
    private static readonly string[] Singles = ["all", .. TranslatorSwitches.Names];

    /// <summary>Every other round has them all; those between have none, then all but one, by turns.</summary>
    public static string[] OfRound(int round) => int.IsEvenInteger(round) ? [] : [Singles[round / 2 % Singles.Length]];
}
