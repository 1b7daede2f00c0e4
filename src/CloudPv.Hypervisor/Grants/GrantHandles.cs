using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The grants that a domain has mapped itself, by handle (Xen's maptrack).</summary>
internal sealed class GrantHandles
{
    /// <summary>Xen's default of max_maptrack_frames, in entries.</summary>
    private const int MaxHandles = 1024 * 256;

    private readonly Lock _lock = new();
    private readonly List<MappedGrantRef?> _entries = [];
    private readonly Stack<int> _free = new();

    /// <summary>False: the domain has all that it may have.</summary>
    public bool TryAdd(MappedGrantRef mapped, out uint handle)
    {
        lock (_lock)
        {
            handle = 0;
            if (_free.TryPop(out int index))
            {
                _entries[index] = mapped;
            }
            else
            {
                if (_entries.Count == MaxHandles)
                    return false;
                index = _entries.Count;
                _entries.Add(mapped);
            }
            handle = (uint)index;
            return true;
        }
    }

    /// <summary>Takes an entry out, so that of two who unmap it at once one finds it.</summary>
    public MappedGrantRef? Take(uint handle)
    {
        lock (_lock)
        {
            if (handle >= (uint)_entries.Count || _entries[(int)handle] is not { } mapped)
                return null;
            _entries[(int)handle] = null;
            return mapped;
        }
    }

    /// <summary>Puts an entry back that <see cref="Take"/> gave, where unmapping it failed.</summary>
    public void PutBack(uint handle, MappedGrantRef mapped)
    {
        lock (_lock)
            _entries[(int)handle] = mapped;
    }

    /// <summary>Gives everything back that a domain still has mapped when it ends.</summary>
    public void ReleaseAll()
    {
        for (uint handle = 0; handle < (uint)_entries.Count; handle++)
        {
            if (Take(handle) is { } mapped)
                mapped.Granter.Unmap(mapped.Mapping);
        }
    }

    /// <summary>The handle of an entry that was taken may be given again.</summary>
    public void Release(uint handle)
    {
        lock (_lock)
            _free.Push((int)handle);
    }
}

/// <summary>One grant of another domain (or the same) that a domain has mapped.</summary>
/// <param name="Flags">GNTMAP_*: of host map and device map, those that still stand.</param>
internal sealed record MappedGrantRef(GrantTable Granter, GrantMapping Mapping, uint Flags);
