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
        var last = HostOrder.LastUpTo(_entries, host, static entry => entry.Host);
        rip = last < 0 ? 0 : _entries[last].Rip;
        return last >= 0;
    }
}
