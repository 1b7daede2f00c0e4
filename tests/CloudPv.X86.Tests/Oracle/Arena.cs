namespace CloudPv.X86.Tests.Oracle;

/// <summary>mmap's protection bits.</summary>
[Flags]
internal enum PageRights
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
}

internal readonly record struct ArenaPages(int First, int Count, PageRights Rights);

/// <summary>
/// The memory of a test: some pages with different rights side by side, seen at two linear addresses, one within reach of 32-bit addressing.
/// </summary>
internal static class Arena
{
    public const int PageSize = 4096;
    public const int PageCount = 12;
    public const int Size = PageCount * PageSize;
    public const ulong Low = 0x2000_0000;
    public const ulong High = 0x3a7b_c000_0000;

    /// <summary>The first of the two code pages, the second of which code may change; behind them is nothing.</summary>
    public const int Code = 0;
    public const int CodeSize = 2 * PageSize;
    public const int ChangeableCode = PageSize;

    /// <summary>Three writable pages.</summary>
    public const int Data = 3 * PageSize;
    public const int DataSize = 3 * PageSize;
    public const int ReadOnlyData = 8 * PageSize;

    /// <summary>Pages that aren't listed don't exist.</summary>
    public static readonly ArenaPages[] Pages =
    [
        new(0, 1, PageRights.Read | PageRights.Execute),
        new(1, 1, PageRights.Read | PageRights.Write | PageRights.Execute),
        new(3, 3, PageRights.Read | PageRights.Write),
        new(7, 1, PageRights.Read | PageRights.Write),
        new(8, 1, PageRights.Read),
        new(9, 1, PageRights.Read | PageRights.Write),
    ];

    /// <summary>Offsets at which pages of different rights meet.</summary>
    public static readonly int[] Edges = [6 * PageSize, 7 * PageSize, 8 * PageSize, 9 * PageSize, 10 * PageSize];

    public static PageRights Rights(int page)
    {
        foreach (var pages in Pages)
        {
            if (page >= pages.First && page < pages.First + pages.Count)
                return pages.Rights;
        }

        return PageRights.None;
    }

    /// <summary>The offset in the arena that a linear address shows, or -1.</summary>
    public static int Offset(ulong address)
    {
        var start = address >= High ? High : Low;
        return address - start < Size ? (int)(address - start) : -1;
    }
}
