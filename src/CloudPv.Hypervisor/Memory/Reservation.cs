using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>How many pages a domain has and may have, and the frames of its range that it doesn't have now. Under the domain's memory lock.</summary>
internal sealed unsafe partial class Reservation
{
    /// <summary>MADV_REMOVE.</summary>
    private const int PunchHole = 9;

    private readonly Domain _domain;
    private readonly DomainMemory _memory;
    private readonly ulong _end;
    private readonly SortedSet<ulong> _returned = [];
    private ulong _fresh;

    /// <param name="initial">The pages that the domain is built with: its first frames.</param>
    /// <param name="maximum">The pages that it may have.</param>
    /// <param name="frames">The frames of its range that there are for that.</param>
    public Reservation(Domain domain, DomainMemory memory, ulong initial, ulong maximum, ulong frames)
    {
        _domain = domain;
        _memory = memory;
        Pages = initial;
        Maximum = maximum;
        _fresh = memory.First.Value + initial;
        _end = memory.First.Value + frames;
        for (ulong frame = _fresh; frame < _end; frame++)
            memory.Info(new(frame)).Flags = FrameFlags.Free;
    }

    /// <summary>tot_pages.</summary>
    public ulong Pages { get; private set; }

    /// <summary>max_pages.</summary>
    public ulong Maximum { get; }

    /// <summary>Gives the domain 2^<paramref name="order"/> zeroed pages with adjoining and aligned frame numbers (alloc_domheap_pages).</summary>
    public bool TryAllocate(int order, out Mfn first)
    {
        ulong count = 1UL << order;
        first = default;
        if (count > Maximum - Pages || (!TryTakeReturned(count, out first) && !TryTakeFresh(count, out first)))
            return false;
        for (ulong frame = first.Value; frame < first.Value + count; frame++)
            _memory.Info(new(frame)) = default;
        _domain.Bus.SetAccess(first.Value, count, FrameAccess.Read | FrameAccess.Write);
        Pages += count;
        return true;
    }

    /// <summary>Looks for an aligned run among the frames that the domain gave back.</summary>
    private bool TryTakeReturned(ulong count, out Mfn first)
    {
        ulong run = 0;
        first = default;
        foreach (ulong frame in _returned)
        {
            run = frame % count == 0 ? 1 : run > 0 && _returned.Contains(frame - 1) ? run + 1 : 0;
            if (run == count)
            {
                first = new(frame - count + 1);
                break;
            }
        }
        for (ulong i = 0; run == count && i < count; i++)
            _returned.Remove(first.Value + i);
        return run == count;
    }

    private bool TryTakeFresh(ulong count, out Mfn first)
    {
        ulong start = (_fresh + count - 1) & ~(count - 1);
        first = new(start);
        if (start + count > _end)
            return false;
        for (; _fresh < start; _fresh++)
            _returned.Add(_fresh);
        _fresh = start + count;
        return true;
    }

    /// <summary>The domain gives a page back (guest_remove_page). It is gone when nothing refers to it any more. 0 or -ENXIO: not its own.</summary>
    public long Release(Mfn frame)
    {
        if (!_memory.Owns(frame))
            return XenErrno.ENXIO;
        ref FrameInfo info = ref _memory.Info(frame);
        if (info.Has(FrameFlags.Xen | FrameFlags.Released))
            return 0;
        info.Flags |= FrameFlags.Released;
        if (info.References == 0)
            Free(frame);
        return 0;
    }

    /// <summary>Takes a page whose last reference is gone. Its memory goes back to the host.</summary>
    public void Free(Mfn frame)
    {
        _memory.Info(frame) = new FrameInfo { Flags = FrameFlags.Free };
        _memory.SetPhysicalOf(frame, MachineToPhys.Invalid);
        _domain.Bus.SetAccess(frame.Value, 1, FrameAccess.None);
        _memory.Types.RequestFlush();
        _ = madvise(_memory.Pointer(frame), MachineMemory.FrameSize, PunchHole);
        Pages--;
        if (_memory.Adopted.TryRemove(frame, out DomainMemory home))
            home.LetGo();
        else
            _returned.Add(frame.Value);
    }

    /// <summary>Takes a page that nothing refers to out of the domain, to be given to another with its contents.</summary>
    public void Remove(Mfn frame)
    {
        _memory.Info(frame) = new FrameInfo { Flags = FrameFlags.Free };
        _domain.Bus.SetAccess(frame.Value, 1, FrameAccess.None);
        _memory.Types.RequestFlush();
        Pages--;
    }

    /// <summary>Gives the domain a page that was removed from this or another one. False: it has as many as it may.</summary>
    /// <param name="owner">As <see cref="FrameInfo.Owner"/> has it.</param>
    public bool TryAdd(Mfn frame, ushort owner)
    {
        if (Pages >= Maximum)
            return false;
        _memory.Info(frame) = new FrameInfo { Owner = owner };
        _domain.Bus.SetAccess(frame.Value, 1, FrameAccess.Read | FrameAccess.Write);
        Pages++;
        return true;
    }

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);
}
