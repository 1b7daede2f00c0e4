using System.Text.Json;

namespace CloudPv.Cloud;

/// <summary>Enum members as the words that API, database and log use: <c>ShuttingDown</c> is "shutting-down".</summary>
public static class EnumWords
{
    public static string ToWord<T>(this T value)
        where T : struct, Enum => Table<T>.Words[value];

    /// <summary>The member for a word; null where there is none.</summary>
    public static T? Parse<T>(string word)
        where T : struct, Enum => Table<T>.Values.TryGetValue(word, out var value) ? value : null;

    public static IEnumerable<string> All<T>()
        where T : struct, Enum => Table<T>.Words.Values;

    private static class Table<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<T, string> Words =
            Enum.GetValues<T>().ToDictionary(v => v, v => JsonNamingPolicy.KebabCaseLower.ConvertName(v.ToString()));

        public static readonly Dictionary<string, T> Values = Words.ToDictionary(w => w.Value, w => w.Key);
    }
}
