namespace CloudPv.X86;

/// <summary>
/// One mode's table of host addresses for guest addresses, which indirect jumps and jumps between pages go through without comparing anything: the block they
/// arrive at does (<see cref="Block.IndirectEntry"/>). An empty slot leads to the run loop.
/// </summary>
internal sealed unsafe class JumpCache
{
    public const ulong Mask = ContextLayout.JumpCacheEntries - 1;

    private readonly nint* _slots;
    private readonly nint _miss;

    /// <summary>A bit for each page of which there may be an address in the table, by the low bits of the page's number.</summary>
    private readonly ulong[] _pages = new ulong[64];

    // SAFETY: the context has ContextLayout.JumpCacheEntries slots here, and Slot is below that.
    public JumpCache(CpuContext* context, CpuMode mode, byte* miss)
    {
        _slots = (nint*)((byte*)context + ContextLayout.JumpCache(mode));
        _miss = (nint)miss;
        Clear();
    }

    public static int Slot(ulong rip) => (int)(rip & Mask);

    public void Add(Block block)
    {
        var page = block.Key.Rip >> MachineMemory.FrameShift;
        _pages[page >> 6 & 63] |= 1ul << (int)(page & 63);
        _slots[Slot(block.Key.Rip)] = (nint)block.IndirectEntry;
    }

    public void Remove(Block block)
    {
        ref var slot = ref _slots[Slot(block.Key.Rip)];
        if (slot == (nint)block.IndirectEntry)
            slot = _miss;
    }

    public void Clear()
    {
        new Span<nint>(_slots, ContextLayout.JumpCacheEntries).Fill(_miss);
        Array.Clear(_pages);
    }

    /// <summary>Clears the table if it may hold addresses of a page; they can be anywhere in it.</summary>
    public void ClearIfHolding(ulong address)
    {
        var page = address >> MachineMemory.FrameShift;
        if ((_pages[page >> 6 & 63] >> (int)(page & 63) & 1) != 0)
            Clear();
    }
}
