using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>A line by which the guest (or /rows on the host) tells something.</summary>
internal readonly record struct GuestLine(GuestLineKind Kind, string Name = "", double Value = 0)
{
    /// <summary>Reads a console line; what else a console may show is <see cref="GuestLineKind.Other"/>, also where it stands in front of ours on one line.</summary>
    public static GuestLine Parse(string line)
    {
        var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        for (var start = 0; start < words.Length; start++)
        {
            switch (words[start..])
            {
                case ["READY", var uptime] when Number(uptime) is { } seconds:
                    return new GuestLine(GuestLineKind.Ready, Value: seconds);
                case ["ROW", var name, var text] when Number(text) is { } value:
                    return new GuestLine(GuestLineKind.Row, name, value);
                case ["DONE"]:
                    return new GuestLine(GuestLineKind.Done);
            }
        }

        return default;
    }

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) && value >= 0 ? value : null;
}

internal enum GuestLineKind
{
    Other,

    /// <summary>User space runs; the value is the guest's own uptime in seconds.</summary>
    Ready,

    /// <summary>A row's value.</summary>
    Row,

    /// <summary>All rows are done; the guest waits for a line before it powers off.</summary>
    Done,
}
