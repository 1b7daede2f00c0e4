namespace CloudPv.X86;

/// <summary>Host code that accesses guest memory through a window, and where to go on if the host refuses. Entries are added in the order of host addresses.</summary>
internal sealed unsafe class WindowAccesses
{
    private readonly List<(nint Start, nint End, nint SlowPath)> _entries = [];

    public void Add(byte* start, byte* end, byte* slowPath) => _entries.Add(((nint)start, (nint)end, (nint)slowPath));

    public int Count => _entries.Count;

    public (nint Start, nint End, nint SlowPath) this[int index] => _entries[index];

    public void Clear() => _entries.Clear();

    public bool TryFind(byte* host, out byte* slowPath)
    {
        int low = 0, high = _entries.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].Start <= (nint)host)
                low = middle + 1;
            else
                high = middle;
        }

        slowPath = low == 0 || (nint)host >= _entries[low - 1].End ? null : (byte*)_entries[low - 1].SlowPath;
        return slowPath != null;
    }
}
