using System.Diagnostics;
using System.Globalization;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>How often a random test repeats: some number of times, and by hand as long as one likes, as CLOUDPV_SECONDS says for each test.</summary>
internal static class Rounds
{
    private const string Variable = "CLOUDPV_SECONDS";

    public static IEnumerable<int> AtLeast(int count)
    {
        var seconds = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? double.Parse(text, CultureInfo.InvariantCulture) : 0;
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < count || clock.Elapsed.TotalSeconds < seconds; round++)
            yield return round;
    }
}
