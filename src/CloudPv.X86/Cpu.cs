namespace CloudPv.X86;

/// <summary>Which of a PV CPU's two address spaces and translation sets guest code runs in.</summary>
public enum CpuMode
{
    Kernel,
    User,
}

/// <summary>
/// One x86-64 CPU that always runs at CPL 3 on its caller's thread. Everything that needs more privilege comes back as a <see cref="CpuExit"/>,
/// just as a real CPU would trap into its hypervisor.
/// </summary>
public sealed unsafe class Cpu : IDisposable
{
    public Cpu(CpuBus bus, int index, ISegmentDescriptors descriptors) => throw new NotImplementedException();

    /// <summary>0, 1, … within the guest.</summary>
    public int Index { get; }

    /// <summary>Registers. Only to be touched by the thread that calls <see cref="Run"/>, between runs, or before the first.</summary>
    public ref CpuState State => throw new NotImplementedException();

    public CpuMode Mode { get; set; }

    /// <summary>Sets the level-4 page table (a machine frame number) of a mode and drops that mode's translations where it differs.</summary>
    public void SetPageTable(CpuMode mode, ulong rootFrame) => throw new NotImplementedException();

    /// <summary>Runs guest code until something needs the hypervisor.</summary>
    public CpuExit Run() => throw new NotImplementedException();

    /// <summary>Makes a current or the next <see cref="Run"/> return <see cref="CpuExitKind.Kicked"/> soon. From any thread; never blocks.</summary>
    public void Kick() => throw new NotImplementedException();

    /// <summary>Drops this CPU's translations, all or of one page, in both modes. Only from its own thread.</summary>
    public void FlushTlb() => throw new NotImplementedException();

    public void FlushTlb(ulong address) => throw new NotImplementedException();

    /// <summary>Copies guest memory at a linear address of the current mode, as a CPL 3 access would. False: the fault that it would have raised; nothing or a part was copied.</summary>
    public bool TryRead(ulong address, Span<byte> destination, out CpuExit fault) => throw new NotImplementedException();

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source, out CpuExit fault) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
