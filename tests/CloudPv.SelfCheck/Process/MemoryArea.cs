namespace CloudPv.SelfCheck.Process;

/// <summary>mmap(2)'s PROT_ bits.</summary>
[Flags]
internal enum PageRights
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
}

/// <summary>A range of pages that a process has asked for.</summary>
/// <param name="Data">What they hold at first, where it isn't zeros: a file.</param>
/// <param name="DataOffset">Where in the file <paramref name="Start"/> is.</param>
/// <param name="DataEnd">Where in the file what they hold ends.</param>
internal sealed record MemoryArea(ulong Start, ulong End, PageRights Rights, byte[]? Data = null, ulong DataOffset = 0, ulong DataEnd = 0)
{
    /// <summary>The part of it that lies in [start, end).</summary>
    public MemoryArea Part(ulong start, ulong end) => this with { Start = start, End = end, DataOffset = DataOffset + (start - Start) };

    /// <summary>Fills a page with what it holds at first; it is zero before.</summary>
    public void Fill(ulong page, Span<byte> target)
    {
        var from = DataOffset + (page - Start);
        if (Data is null || from >= DataEnd)
            return;
        var count = Math.Min(DataEnd - from, (ulong)target.Length);
        Data.AsSpan((int)from, (int)count).CopyTo(target);
    }
}
