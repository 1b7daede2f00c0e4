namespace CloudPv.X86;

/// <summary>User code whose memory accesses go through the host's memory management instead of the soft TLB: see <see cref="WindowSet"/>.</summary>
public sealed unsafe partial class Cpu
{
    /// <summary>Null: never.</summary>
    private readonly UserWindows? _windows;

    /// <summary>The slot that led the access which last missed a page; negative: none, or it missed no page.</summary>
    private int _slotOfMiss;

    private bool UsesWindows => _windows?.Shown != null && Mode == CpuMode.User;

    /// <summary>Gives the current user address space windows at once.</summary>
    internal void OpenWindows()
    {
        if (_windows == null || _windows.Shown != null)
            return;
        var user = _spaces[(int)CpuMode.User];
        _windows.Create(user.Fetcher.Root, _context->State.Rsp, _context->State.FsBase);
        user.ClearJumpCache();
    }

    private void EnterWindows(ulong root)
    {
        if (_windows == null)
            return;
        var used = _windows.Shown != null;
        _windows.Enter(root);
        ForgetOtherCode(used);
    }

    /// <summary>Outside translated code, and not while something stands to be linked.</summary>
    private void ConsiderWindows()
    {
        if (_windows == null || Mode != CpuMode.User)
            return;
        var used = _windows.Shown != null;
        _ = Space.Fetcher.TryFetch(_context->State.Rip, out var code, out _);
        _windows.NoteRunning(Space.Fetcher.Root, code, _context->State.Rsp, _context->State.FsBase);
        ForgetOtherCode(used);
    }

    /// <summary>Jumps that are looked up know one kind of translations only.</summary>
    private void ForgetOtherCode(bool used)
    {
        if (used != (_windows!.Shown != null))
            _spaces[(int)CpuMode.User].ClearJumpCache();
    }

    /// <summary>State.Rip is a host address that raised an exception. True: it is an access that its window lacks, and goes on at <paramref name="slowPath"/>.</summary>
    private bool TryFindSlowPath(out byte* slowPath)
    {
        slowPath = null;
        if (_context->Argument is < CpuFaults.StackVector or > CpuFaults.PageVector || !_region.WindowAccesses.TryFind((byte*)_context->State.Rip, out var access))
            return false;
        slowPath = (byte*)access.SlowPath;
        _slotOfMiss = _context->Argument == CpuFaults.PageVector ? access.Slot : WindowSlots.NoNumber;
        Statistics.WindowMisses++;
        _windows!.NoteMiss();
        return true;
    }

    /// <summary>The instruction at Rip accesses memory in another window than its translation expects: that goes.</summary>
    private void NoteOtherWindow()
    {
        var rip = _context->State.Rip;
        if (!Space.Fetcher.TryFetch(rip, out var frame, out _))
            return;
        Statistics.OtherWindows++;
        var place = WindowHints.Place(frame, rip);
        _windows!.NoteOther(place, (ushort)_context->Argument);
        _windows.Hints.KeepApart(place);
        foreach (var block in _blocks.Overlapping(frame, (int)(rip & 0xfff), 1))
        {
            if (block.Key.Kind != BlockKind.Windowed)
                continue;
            Drop(block);
            _windows.Hints.KeepApart(WindowHints.Place(block.Key.Frame, block.Key.Rip));
        }
    }

    /// <summary>Throws if code looked for an access within one page elsewhere than where that page is mapped: that would be ours to mend.</summary>
    private void CheckMiss(ulong address, AccessDescription access)
    {
        if (access.Window && _slotOfMiss >= 0 && _windows!.Holds(_slotOfMiss, address, access.Write))
            throw new InvalidOperationException($"The code for {access.Rip:x} went astray: it missed {address:x}, which its window holds.");
    }

    private void MapWindow(ulong address, AccessDescription access)
    {
        if (access.Window && !HasBreakpoints)
            _windows!.Shown?.TryMap(address, access.Write);
    }
}
