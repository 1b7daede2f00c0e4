namespace CloudPv.X86.Tests.Oracle;

/// <summary>Picks offsets in the arena for data: mostly inside the writable pages, sometimes across two of them, and sometimes where rights end.</summary>
internal static class ArenaAddress
{
    public static int Pick(SeededRandom random, int size, int alignment)
    {
        var offset = random.Next(10) switch
        {
            0 => Arena.Data + Arena.PageSize * (1 + random.Next(2)) - random.Next(size + 1),
            1 => random.Pick<int>(Arena.Edges) - random.Next(size + 1),
            2 when random.OneIn(2) => Arena.ReadOnlyData + random.Next(Arena.PageSize - size),
            _ => Arena.Data + random.Next(Arena.DataSize - size),
        };
        return offset & -alignment;
    }
}
