namespace CloudPv.X86;

/// <summary>In which slot's window instructions were last seen to access memory. They are known by their place in machine memory, which programs share.</summary>
internal sealed class WindowHints
{
    private const int Most = 1 << 16;
    private const int MostChanges = 3;

    private readonly Dictionary<ulong, (int Slot, int Changes)> _hints = [];

    /// <summary>Blocks for which translations that others left are not good enough.</summary>
    private readonly HashSet<ulong> _apart = [];

    public static ulong Place(ulong frame, ulong rip) => (frame << MachineMemory.FrameShift) | (rip & (MachineMemory.FrameSize - 1));

    /// <summary>The slot for an instruction; negative: it is now here, now there.</summary>
    public int Find(ulong place, int usual) => _hints.TryGetValue(place, out var hint) ? hint.Slot : usual;

    /// <summary>Has a block translated anew, and not taken from elsewhere, until <see cref="EndApart"/>.</summary>
    public void KeepApart(ulong place) => _apart.Add(place);

    public void EndApart(ulong place) => _apart.Remove(place);

    public bool IsApart(ulong place) => _apart.Contains(place);

    /// <param name="slot">Negative: of a window that has none.</param>
    public void Add(ulong place, int slot)
    {
        if (_hints.Count == Most)
        {
            _hints.Clear();
            _apart.Clear();
        }

        var changes = _hints.TryGetValue(place, out var hint) ? hint.Changes + 1 : 1;
        _hints[place] = (changes > MostChanges ? -1 : slot, changes);
    }
}
