namespace CloudPv.X86;

/// <summary>Host code that accesses guest memory through a window.</summary>
/// <param name="SlowPath">Where to go on if the host refuses.</param>
/// <param name="Slot">The slot of the window that it is led by; negative: none.</param>
internal readonly record struct WindowAccess(nint Start, nint End, nint SlowPath, int Slot);

/// <summary>All of a code region. Entries are added in the order of host addresses.</summary>
internal sealed unsafe class WindowAccesses
{
    private readonly List<WindowAccess> _entries = [];

    public void Add(WindowAccess access) => _entries.Add(access);

    public int Count => _entries.Count;

    public WindowAccess this[int index] => _entries[index];

    public void Clear() => _entries.Clear();

    /// <summary>Gives back what room is left.</summary>
    public void TrimExcess() => _entries.TrimExcess();

    public bool TryFind(byte* host, out WindowAccess access)
    {
        var last = HostOrder.LastUpTo(_entries, host, static entry => entry.Start);
        access = last < 0 ? default : _entries[last];
        return (nint)host < access.End;
    }
}
