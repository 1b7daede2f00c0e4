using System.Buffers.Text;
using System.Text;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>One page of a list, newest first.</summary>
/// <param name="NextCursor">Asks for the page after this one; null on the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

/// <summary>Which page is asked for.</summary>
/// <param name="Limit">1 to 1000 items; 100 where not given.</param>
/// <param name="Cursor">The <see cref="Page{T}.NextCursor"/> of the page before.</param>
public sealed record PageRequest(int? Limit, string? Cursor)
{
    private const int DefaultLimit = 100;
    private const int LargestLimit = 1000;

    /// <summary>
    /// Pages by a row's creation time and id, so that rows which come or go meanwhile neither repeat nor hide others.
    /// </summary>
    internal async Task<Page<T>> OfAsync<T>(IQueryable<T> rows, CancellationToken cancel)
        where T : ICreated
    {
        var limit = Limit ?? DefaultLimit;
        if (limit is < 1 or > LargestLimit)
            throw CloudException.Invalid("limit", $"is {limit}; it can be 1 to {LargestLimit}.");
        if (Cursor is not null)
        {
            var (time, id) = ParseCursor(Cursor);
            rows = rows.Where(row => row.CreatedAt < time || (row.CreatedAt == time && string.Compare(row.Id, id) > 0));
        }
        var items = await rows.OrderByDescending(row => row.CreatedAt).ThenBy(row => row.Id).Take(limit + 1).ToListAsync(cancel);
        if (items.Count <= limit)
            return new Page<T>(items, null);
        items.RemoveAt(limit);
        return new Page<T>(items, ToCursor(items[^1]));
    }

    private static string ToCursor(ICreated last) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{last.CreatedAt.UtcTicks:x}.{last.Id}"));

    private static (DateTimeOffset Time, string Id) ParseCursor(string cursor)
    {
        if (Base64Url.IsValid(cursor)
            && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)).Split('.', 2) is [var ticks, var id]
            && long.TryParse(ticks, System.Globalization.NumberStyles.AllowHexSpecifier, null, out var time)
            && time >= 0 && time <= DateTimeOffset.MaxValue.UtcTicks)
        {
            return (new DateTimeOffset(time, TimeSpan.Zero), id);
        }
        throw CloudException.Invalid("cursor", "isn't one that an earlier page gave.");
    }
}

/// <summary>A row that lists page by: when it came, and its id.</summary>
internal interface ICreated
{
    string Id { get; }

    DateTimeOffset CreatedAt { get; }
}
