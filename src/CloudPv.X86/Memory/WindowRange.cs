namespace CloudPv.X86;

/// <summary>The reserved host addresses for 512 GiB of linear addresses, and behind and in front of them what an access with a displacement may reach.</summary>
internal sealed unsafe class WindowRange : IDisposable
{
    /// <summary>The lowest bit of an address that chooses its range.</summary>
    public const int Shift = 39;

    private const ulong Size = 1ul << Shift;
    private const ulong Guard = 3ul << 30;

    /// <summary>In the half of the host's addresses that no program may touch.</summary>
    private const ulong NoAddress = 0xffff_9000_0000_0000;

    /// <summary>All ranges of the process together: half of the host's addresses.</summary>
    private const int MostRanges = 128;

    /// <summary>All pages of the process together: each may split a mapping in three, of which a Linux process may have 65,530.</summary>
    private const int MostPages = 24_000;

    private static int _rangeCount;
    private static int _pageCount;

    private readonly int _number;
    private readonly byte* _reserved;

    private WindowRange(int number, byte* reserved)
    {
        _number = number;
        _reserved = reserved;
    }

    public static bool HasRoom => Volatile.Read(ref _pageCount) < MostPages;

    /// <summary>What leads from a linear address to the host's.</summary>
    public ulong Delta => (ulong)(_reserved + Guard) - StartOf(_number);

    /// <summary>The bits 39 to 47 of an address.</summary>
    public static int NumberOf(ulong address) => (int)(address >> Shift) & (ContextLayout.WindowEntries - 1);

    /// <summary>Whether a window is in the last eighth of user addresses.</summary>
    public static bool IsUpper(int number) => number >= ContextLayout.WindowEntries / 16 * 7;

    /// <summary>What leads from linear addresses with this number to none that the host lets anyone access, however large a displacement is added.</summary>
    public static ulong Nowhere(int number) => NoAddress - StartOf(number);

    /// <summary>False: the process has as many as it may, or the host has no room for one more.</summary>
    public static bool TryReserve(int number, out WindowRange range)
    {
        range = null!;
        var reserved = Interlocked.Increment(ref _rangeCount) <= MostRanges ? HostSystem.Reserve(Size + (2 * Guard)) : null;
        if (reserved == null)
        {
            Interlocked.Decrement(ref _rangeCount);
            return false;
        }

        range = new WindowRange(number, reserved);
        return true;
    }

    public static void CountPages(int change) => Interlocked.Add(ref _pageCount, change);

    public byte* HostOf(ulong page) => (byte*)((page << MachineMemory.FrameShift) + Delta);

    /// <summary>Lets nothing be seen in a page.</summary>
    public void Empty(ulong page) => Empty(HostOf(page), MachineMemory.FrameSize);

    /// <summary>The same of all pages.</summary>
    public void Empty() => Empty(_reserved, Size + (2 * Guard));

    public void Dispose()
    {
        HostSystem.Unmap(_reserved, Size + (2 * Guard));
        Interlocked.Decrement(ref _rangeCount);
    }

    private static void Empty(byte* start, ulong size) => HostSystem.Map(
        start, size, HostSystem.ProtNone, HostSystem.MapPrivate | HostSystem.MapAnonymous | HostSystem.MapFixed | HostSystem.MapNoReserve, -1);

    private static ulong StartOf(int number) => (ulong)((long)number << (64 - 9) >> (64 - 9 - Shift));
}
