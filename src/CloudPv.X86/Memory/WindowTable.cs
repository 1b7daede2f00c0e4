namespace CloudPv.X86;

/// <summary>What leads from linear addresses to windows, in the context where translated code finds it: for all addresses by their bits 39 to 47, and for a few windows in slots.</summary>
internal sealed unsafe class WindowTable
{
    private readonly ulong* _deltas;
    private readonly WindowSlots _slots;

    // SAFETY: the context has ContextLayout.WindowEntries words here.
    public WindowTable(CpuContext* context)
    {
        _deltas = (ulong*)((byte*)context + ContextLayout.Windows);
        _slots = new WindowSlots(context);
        for (var number = 0; number < ContextLayout.WindowEntries; number++)
            _deltas[number] = WindowRange.Nowhere(number);
    }

    public void Set(int number, ulong delta)
    {
        _deltas[number] = delta;
        _slots.Change(number, delta);
    }

    /// <summary>Whether a slot is that of a window.</summary>
    public bool IsOf(int slot, int number) => _slots.Number(slot) == number;

    /// <summary>Fills the slots with these windows.</summary>
    public void SetSlots(ReadOnlySpan<int> numbers)
    {
        for (var slot = 0; slot < WindowSlots.Count; slot++)
            _slots.Set(slot, numbers[slot], numbers[slot] < 0 ? 0 : _deltas[numbers[slot]]);
    }
}
