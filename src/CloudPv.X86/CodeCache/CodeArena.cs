namespace CloudPv.X86;

/// <summary>
/// The address range that the code regions of all CPUs of this process lie in, so that the signal handler recognises translated code by two comparisons.
/// </summary>
internal static unsafe class CodeArena
{
    private const int Regions = 1024;
    private const ulong TotalSize = (ulong)Regions * CodeRegion.Size;

    private static readonly Lock Gate = new();
    private static readonly Stack<nint> Freed = new();
    private static byte* _next = HostSystem.MapAlignedPages(TotalSize, HostSystem.ProtNone);

    public static byte* Start { get; } = _next;

    public static byte* End { get; } = _next + TotalSize;

    /// <summary>One region of <see cref="CodeRegion.Size"/> bytes, readable, writable and executable, all zero.</summary>
    public static byte* Allocate()
    {
        lock (Gate)
        {
            if (!Freed.TryPop(out var region))
            {
                if (_next == End)
                    throw new InvalidOperationException($"This process already has {Regions} virtual CPUs.");
                region = (nint)_next;
                _next += CodeRegion.Size;
            }

            Map((byte*)region, HostSystem.ProtRead | HostSystem.ProtWrite | HostSystem.ProtExecute);
            return (byte*)region;
        }
    }

    /// <summary>Takes a region back that no thread executes any more.</summary>
    public static void Free(byte* region)
    {
        lock (Gate)
        {
            Map(region, HostSystem.ProtNone);
            Freed.Push((nint)region);
        }
    }

    // SAFETY: the range is one region of the arena, which nothing else maps.
    private static void Map(byte* region, int protection) => HostSystem.Map(
        region, CodeRegion.Size, protection, HostSystem.MapPrivate | HostSystem.MapAnonymous | HostSystem.MapFixed | HostSystem.MapNoReserve, -1);
}
