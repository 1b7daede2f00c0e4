using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// One mode's table of host addresses for the guest addresses that system calls and returns lead to (<see cref="SystemCallStubs"/>). Unlike through the jump cache, flags arrive
/// as they are: the stub compares the address before it restores them, and enters behind the block's own check.
/// </summary>
internal sealed unsafe class ReturnCache
{
    /// <summary>The address bits that choose the entry.</summary>
    public const ulong Mask = ContextLayout.ReturnCacheEntries - 1;

    // No instruction stands there: it isn't canonical.
    private const ulong NoAddress = 1ul << 63;

    private readonly Entry* _entries;
    private bool _isEmpty;

    // SAFETY: the context has ContextLayout.ReturnCacheEntries entries here, and an index is below that.
    public ReturnCache(CpuContext* context, CpuMode mode)
    {
        _entries = (Entry*)((byte*)context + ContextLayout.ReturnCache(mode));
        Clear();
    }

    public void Add(Block block)
    {
        _entries[block.Key.Rip & Mask] = new Entry { Rip = block.Key.Rip, Host = block.Entry };
        _isEmpty = false;
    }

    public void Remove(Block block)
    {
        ref var entry = ref _entries[block.Key.Rip & Mask];
        if (entry.Host == block.Entry)
            entry.Rip = NoAddress;
    }

    public void Clear()
    {
        if (_isEmpty)
            return;
        for (var index = 0; index < ContextLayout.ReturnCacheEntries; index++)
            _entries[index].Rip = NoAddress;
        _isEmpty = true;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public ulong Rip;
        public byte* Host;
    }
}
