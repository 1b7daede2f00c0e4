using System.Text.Json;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace CloudPv.Cloud;

/// <summary>An enum's member as the word that the API uses for it: <c>ShuttingDown</c> is "shutting-down".</summary>
internal sealed class KebabCaseWord<T>() : ValueConverter<T, string>(value => ToWord(value), word => ToValue(word))
    where T : struct, Enum
{
    private static readonly Dictionary<T, string> Words = Enum.GetValues<T>().ToDictionary(v => v, v => JsonNamingPolicy.KebabCaseLower.ConvertName(v.ToString()));
    private static readonly Dictionary<string, T> Values = Words.ToDictionary(w => w.Value, w => w.Key);

    private static string ToWord(T value) => Words[value];

    private static T ToValue(string word) => Values[word];
}
