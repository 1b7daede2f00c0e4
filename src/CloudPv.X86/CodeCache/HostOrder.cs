namespace CloudPv.X86;

/// <summary>Lists of what host code stands for, in the order of host addresses.</summary>
internal static unsafe class HostOrder
{
    /// <summary>The number of the last entry that begins at or before a host address; -1: there is none.</summary>
    public static int LastUpTo<T>(List<T> entries, byte* host, Func<T, nint> startOf)
    {
        int low = 0, high = entries.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (startOf(entries[middle]) <= (nint)host)
                low = middle + 1;
            else
                high = middle;
        }

        return low - 1;
    }
}
