using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>Numbers as arguments of programs.</summary>
internal static class InvariantText
{
    public static string ToInvariant(this int value) => value.ToString(CultureInfo.InvariantCulture);

    public static string ToInvariant(this double value) => value.ToString(CultureInfo.InvariantCulture);
}
