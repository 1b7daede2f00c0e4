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
    private readonly FilledSlots _filled = new(most: 2048);

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
        _filled.Add(slot);
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
        if ((nint)miss == _miss && !_filled.AreAll)
        {
            foreach (var slot in _filled.Slots)
                _slots[slot] = _miss;
        }
        else
        {
            _miss = (nint)miss;
            new Span<nint>(_slots, ContextLayout.JumpCacheEntries).Fill(_miss);
        }

        _filled.Clear();
    }
}
