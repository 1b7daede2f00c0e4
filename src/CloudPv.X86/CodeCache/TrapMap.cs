namespace CloudPv.X86;

/// <summary>Host code that may trap, and the guest instructions that it stands for. Entries are added in the order of host addresses.</summary>
internal sealed unsafe class TrapMap
{
    private readonly List<(nint Host, ulong Rip)> _entries = [];

    public void Add(byte* host, ulong rip) => _entries.Add(((nint)host, rip));

    public int Count => _entries.Count;

    public (nint Host, ulong Rip) this[int index] => _entries[index];

    public void Clear() => _entries.Clear();

    /// <summary>Gives back what room is left.</summary>
    public void TrimExcess() => _entries.TrimExcess();

    /// <summary>The guest instruction of the last entry at or before a host address.</summary>
    public bool TryFind(byte* host, out ulong rip)
    {
        int low = 0, high = _entries.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].Host <= (nint)host)
                low = middle + 1;
            else
                high = middle;
        }

        rip = low == 0 ? 0 : _entries[low - 1].Rip;
        return low != 0;
    }
}
