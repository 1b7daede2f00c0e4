namespace CloudPv.X86;

/// <summary>
/// Guest memory as <see cref="Emulator"/> sees it: linear addresses, already checked to be canonical, accessed as CPL 3 would.
/// Where a method returns false it has changed nothing, and <c>fault</c> is the #PF that a CPU would raise.
/// An access may straddle two pages, never more.
/// </summary>
public interface IEmulatorMemory
{
    bool TryRead(ulong address, Span<byte> destination, out CpuExit fault);

    /// <summary>Writes all bytes or, where either page refuses, none.</summary>
    bool TryWrite(ulong address, ReadOnlySpan<byte> source, out CpuExit fault);

    /// <summary>
    /// Atomically writes <paramref name="desired"/> if <paramref name="expected"/> stands there. It is a write access either way: a page that cannot be
    /// written faults as one. <paramref name="size"/> is 1, 2, 4, 8 or 16 bytes (little endian), at any alignment; <paramref name="actual"/> is what stood there before.
    /// </summary>
    bool TryCompareExchange(ulong address, int size, UInt128 expected, UInt128 desired, out UInt128 actual, out CpuExit fault);
}
