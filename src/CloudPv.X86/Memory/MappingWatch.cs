namespace CloudPv.X86;

/// <summary>
/// Whether what was found through the page tables can still be so: asked at every flush of a TLB, and answered without a walk, from the level-4 entries that were gone
/// through and from <see cref="CpuBus.MappingVersion"/>. A kernel asks for many more flushes than it changes what it uses itself.
/// </summary>
/// <param name="ofCode">Whether only what may be executed was looked for.</param>
internal sealed class MappingWatch(CpuBus bus, bool ofCode)
{
    private const int Most = 8;

    private readonly ulong[] _addresses = new ulong[Most];
    private readonly ulong[] _entries = new ulong[Most];
    private int _count;
    private bool _overflowed;
    private ulong _version;
    private ulong _tableVersion;

    /// <summary>Forgets all; what is added from now on is compared with the version of now.</summary>
    public void Clear()
    {
        _count = 0;
        _overflowed = false;
        _tableVersion = bus.TableMappingVersion;
        _version = bus.MappingVersion(ofCode);
    }

    /// <summary>Notes the level-4 entry that an address is reached by, and returns its number; 0 where there are too many.</summary>
    public int Add(ulong root, ulong address)
    {
        var top = PageWalker.TopOf(address);
        for (var index = _count - 1; index >= 0; index--)
        {
            if (_addresses[index] == top)
                return index;
        }

        if (_count == Most || !bus.Walker.TryReadTop(root, top, out var entry))
        {
            _overflowed = true;
            return 0;
        }

        _addresses[_count] = top;
        _entries[_count] = entry;
        return _count++;
    }

    /// <summary>
    /// Starts anew from here, if nothing has changed but level-1 entries and which level-4 entries there are: <paramref name="same"/> has a bit for each of those that is the
    /// same under <paramref name="root"/>. What was found through the others is to be forgotten, and the level-1 entry of what was found through these to be looked at.
    /// </summary>
    public bool TryRenew(ulong root, out uint same)
    {
        same = 0;
        if (_overflowed || _tableVersion != bus.TableMappingVersion || _version == CpuBus.Unwatched)
            return false;
        _version = bus.MappingVersion(ofCode);
        for (var index = 0; index < _count; index++)
        {
            if (!bus.Walker.TryReadTop(root, _addresses[index], out var entry))
                return false;
            if (entry == _entries[index])
                same |= 1u << index;
            _entries[index] = entry;
        }

        return true;
    }

    /// <summary>Whether all that was added is certainly found under <paramref name="root"/>, in the same frames and with the same rights as before.</summary>
    public bool AreUnchanged(ulong root)
    {
        if (_overflowed || _version != bus.MappingVersion(ofCode) || _version == CpuBus.Unwatched)
            return false;
        for (var index = 0; index < _count; index++)
        {
            if (!bus.Walker.TryReadTop(root, _addresses[index], out var entry) || entry != _entries[index])
                return false;
        }

        return true;
    }
}
