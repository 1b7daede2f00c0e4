namespace CloudPv.X86;

/// <summary>Which slots of a large table were filled since its last clearing, so that clearing it touches those alone. Too many are as good as all, and so is what it has at first.</summary>
internal sealed class FilledSlots(int most)
{
    private readonly ushort[] _slots = new ushort[most];
    private int _count = int.MaxValue;

    public bool AreAll => _count > _slots.Length;

    /// <summary>Unless <see cref="AreAll"/>.</summary>
    public ReadOnlySpan<ushort> Slots => _slots.AsSpan(0, _count);

    public void Add(int slot)
    {
        if (_count < _slots.Length)
            _slots[_count] = (ushort)slot;
        if (_count <= _slots.Length)
            _count++;
    }

    public void Clear() => _count = 0;
}
