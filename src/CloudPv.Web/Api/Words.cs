using CloudPv.Cloud;

namespace CloudPv.Web;

/// <summary>Enum words in query strings.</summary>
internal static class Words
{
    public static T Parse<T>(string parameter, string word)
        where T : struct, Enum =>
        EnumWords.Parse<T>(word)
        ?? throw CloudException.Invalid(parameter, $"'{word}' is none of {string.Join(", ", EnumWords.All<T>())}.");
}

internal static class Pagination
{
    public static Page<TResource> ConvertAll<T, TResource>(this Page<T> page, Func<T, TResource> convert) => new([.. page.Items.Select(convert)], page.NextCursor);
}
