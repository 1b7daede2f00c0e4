namespace CloudPv.X86;

/// <summary>XCR0. While it lacks the state of AVX, a block that uses it is entered from the run loop alone, which takes its translation without AVX.</summary>
public sealed unsafe partial class Cpu
{
    /// <summary>
    /// Sets XCR0 as XSETBV would, or to 0 for a CPU whose CR4.OSXSAVE is clear. False: it is no combination of <see cref="CpuFeatures.ExtendedStates"/> that XCR0 may have.
    /// To be called where <see cref="State"/> may be touched.
    /// </summary>
    public bool SetExtendedStates(ulong states)
    {
        if (states is not (0 or CpuFeatures.X87State or (CpuFeatures.X87State | CpuFeatures.SseState) or CpuFeatures.ExtendedStates))
            return false;
        if (((_context->State.Xcr0 & ~states) & CpuFeatures.AvxState) != 0)
            DropAllBlocks();
        _context->State.Xcr0 = states;
        return true;
    }
}
