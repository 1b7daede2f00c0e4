namespace CloudPv.X86;

/// <summary>Where the host finds what a guest instruction accesses: [base + index + displacement]; the index may be absent.</summary>
internal readonly record struct HostOperand(int Base, int Index, int Displacement)
{
    /// <summary>The REX bits that the two registers need.</summary>
    public int Rex => (Base >> 3) | (Index >= 8 ? 2 : 0);
}
