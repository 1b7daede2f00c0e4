using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>Numbers as reports show them: three significant digits, all digits before the point.</summary>
internal static class Figure
{
    public static string Show(double value)
    {
        var digits = value == 0 ? 0 : Math.Clamp(2 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 6);
        return value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }
}
