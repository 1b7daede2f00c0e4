namespace CloudPv.X86;

/// <summary>
/// Breakpoints. While there are any, code runs an instruction at a time, and watched pages stay out of the soft TLB, so that every access to them passes
/// <see cref="Resolve"/> or the emulator. Without any, nothing is asked but whether there are.
/// </summary>
public sealed unsafe partial class Cpu
{
    private Breakpoint[] _breakpoints = [];

    /// <summary>The data breakpoints that the present instruction has met so far, as in DR6.</summary>
    private uint _breakpointsMet;

    /// <summary>RFLAGS.RF was set here: the instruction runs although a breakpoint is at it.</summary>
    private ulong? _resumedAt;

    private bool _emulates;

    /// <summary>Sets all breakpoints. To be called as <see cref="State"/> is touched.</summary>
    public void SetBreakpoints(ReadOnlySpan<Breakpoint> breakpoints)
    {
        if (breakpoints.IsEmpty && _breakpoints.Length == 0)
            return;
        _breakpoints = breakpoints.ToArray();
        foreach (var space in _spaces)
            space.Tlb.Flush(); // no page table has changed, so FlushTlb might keep it
    }

    private bool HasBreakpoints => _breakpoints.Length != 0;

    private void TakeResumeFlag()
    {
        _breakpointsMet = 0;
        _resumedAt = HasBreakpoints && (_context->State.Rflags & Rflags.Resume) != 0 ? _context->State.Rip : null;
    }

    /// <summary>The instruction that was to be resumed hasn't been carried out: it still is.</summary>
    private void PutResumeFlag()
    {
        if (_resumedAt == _context->State.Rip)
            _context->State.Rflags |= Rflags.Resume;
    }

    /// <summary>Whether there is a breakpoint at the instruction at Rip, which is then not run.</summary>
    private bool TryBreak(out CpuExit exit)
    {
        exit = default;
        _breakpointsMet = 0;
        var rip = _context->State.Rip;
        if (_resumedAt == rip)
            return false;
        var met = 0u;
        foreach (var breakpoint in _breakpoints)
        {
            if (breakpoint.Kind == BreakpointKind.Execute && breakpoint.Address == rip)
                met |= 1u << breakpoint.Index;
        }

        exit = CpuFaults.Debug(met);
        return met != 0;
    }

    private void NoteAccess(ulong address, int size, bool write)
    {
        foreach (var breakpoint in _breakpoints)
        {
            if (breakpoint.IsMetBy(address, size, write))
                _breakpointsMet |= 1u << breakpoint.Index;
        }
    }

    private bool IsWatched(ulong address)
    {
        foreach (var breakpoint in _breakpoints)
        {
            if (breakpoint.Kind != BreakpointKind.Execute && (breakpoint.Address ^ address) >> MachineMemory.FrameShift == 0)
                return true;
        }

        return false;
    }

    /// <summary>Whether the instruction that has just been carried out ends in a debug trap.</summary>
    private bool TrapsBehind(bool singleStepped, out CpuExit exit)
    {
        _resumedAt = null;
        var causes = _breakpointsMet | (singleStepped ? CpuFaults.SingleStepCause : 0);
        _breakpointsMet = 0;
        exit = CpuFaults.Debug(causes);
        return causes != 0;
    }
}
