namespace CloudPv.X86;

/// <summary>
/// The linear range in which translations came of 2 MiB and 1 GiB pages. They are kept by 4 KiB, but flushing any address of a large page must drop them all, so a
/// flush within this range drops everything.
/// </summary>
internal struct LargePageRange
{
    private ulong _first;
    private ulong _last;
    private bool _any;

    public void Add(ulong address, int pageShift)
    {
        if (pageShift == MachineMemory.FrameShift)
            return;
        var inside = (1ul << pageShift) - 1;
        _first = _any ? Math.Min(_first, address & ~inside) : address & ~inside;
        _last = _any ? Math.Max(_last, address | inside) : address | inside;
        _any = true;
    }

    public readonly bool Contains(ulong address) => _any && address >= _first && address <= _last;

    public void Clear() => _any = false;
}
