namespace CloudPv.X86;

/// <summary>
/// One mode's table of host addresses for guest addresses, which indirect jumps and jumps between pages go through without comparing anything: the block they
/// arrive at does (<see cref="Block.IndirectEntry"/>). An empty slot leads to the run loop.
/// </summary>
internal sealed unsafe class JumpCache
{
    /// <summary>The address bits that choose the slot.</summary>
    public const ulong Mask = ContextLayout.JumpCacheEntries - 1;

    private readonly nint* _slots;
    private nint _miss;

    // The slots filled since the last clearing; too many are as good as all.
    private readonly ushort[] _filled = new ushort[2048];
    private int _filledCount = int.MaxValue;

    // SAFETY: the context has ContextLayout.JumpCacheEntries slots here, and Slot is below that.
    public JumpCache(CpuContext* context, CpuMode mode, byte* miss)
    {
        _slots = (nint*)((byte*)context + ContextLayout.JumpCache(mode));
        Clear(miss);
    }

    public static int Slot(ulong rip) => (int)(rip & Mask);

    public void Add(Block block)
    {
        var slot = Slot(block.Key.Rip);
        if (_filledCount < _filled.Length)
            _filled[_filledCount] = (ushort)slot;
        if (_filledCount <= _filled.Length)
            _filledCount++;
        _slots[slot] = (nint)block.IndirectEntry;
    }

    public void Remove(Block block)
    {
        ref var slot = ref _slots[Slot(block.Key.Rip)];
        if (slot == (nint)block.IndirectEntry)
            slot = _miss;
    }

    /// <param name="miss">Where empty slots lead.</param>
    public void Clear(byte* miss)
    {
        if ((nint)miss == _miss && _filledCount <= _filled.Length)
        {
            foreach (var slot in _filled.AsSpan(0, _filledCount))
                _slots[slot] = _miss;
        }
        else
        {
            _miss = (nint)miss;
            new Span<nint>(_slots, ContextLayout.JumpCacheEntries).Fill(_miss);
        }

        _filledCount = 0;
    }
}
