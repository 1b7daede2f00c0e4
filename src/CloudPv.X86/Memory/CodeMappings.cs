namespace CloudPv.X86;

/// <summary>
/// Whether the pages that a mode's code was found in can still be where they were: asked at every flush of a TLB, and answered without looking at them, from the level-4
/// entries that lead to them and <see cref="CpuBus.CodeMappingVersion"/>. A guest's kernel keeps its code where it is through thousands of flushes.
/// </summary>
internal sealed class CodeMappings(CpuBus bus)
{
    private const int Most = 4;

    private readonly ulong[] _addresses = new ulong[Most];
    private readonly ulong[] _entries = new ulong[Most];
    private int _count;
    private bool _overflowed;
    private ulong _version;

    /// <summary>Forgets all; what is added from now on is compared with the version of now.</summary>
    public void Clear()
    {
        _count = 0;
        _overflowed = false;
        _version = bus.CodeMappingVersion;
    }

    /// <summary>Notes the level-4 entry that code at an address is reached by.</summary>
    public void Add(ulong root, ulong address)
    {
        var top = PageWalker.TopOf(address);
        for (var index = _count - 1; index >= 0; index--)
        {
            if (_addresses[index] == top)
                return;
        }

        if (_count == Most || !bus.Walker.TryReadTop(root, top, out var entry))
        {
            _overflowed = true;
            return;
        }

        _addresses[_count] = top;
        _entries[_count++] = entry;
    }

    /// <summary>Whether all code that was added is certainly found under <paramref name="root"/>, and in the same frames as before.</summary>
    public bool AreUnchanged(ulong root)
    {
        if (_overflowed || _version != bus.CodeMappingVersion || _version == CpuBus.Unwatched)
            return false;
        for (var index = 0; index < _count; index++)
        {
            if (!bus.Walker.TryReadTop(root, _addresses[index], out var entry) || entry != _entries[index])
                return false;
        }

        return true;
    }
}
