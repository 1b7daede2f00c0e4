namespace CloudPv.X86;

/// <summary>The descriptor tables beneath a CPU, asked when guest code loads a segment register, returns far, or runs LAR, LSL, VERR or VERW.</summary>
public interface ISegmentDescriptors
{
    /// <summary>Reads the 8-byte descriptor of <paramref name="selector"/> (TI bit: GDT or LDT). False: beyond the limit, so #GP(selector).</summary>
    bool TryRead(ushort selector, out ulong descriptor);
}
