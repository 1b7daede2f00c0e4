namespace CloudPv.X86;

/// <summary>What the CPUs of one guest share: machine memory, the guest's rights in it, and the means to reach each other.</summary>
public sealed class CpuBus
{
    public CpuBus(MachineMemory memory, TranslatorOptions options) => throw new NotImplementedException();

    public MachineMemory Memory { get; }

    public TranslatorOptions Options { get; }

    /// <summary>The guest's rights in a frame. A lowered right counts from the next <see cref="FlushTlb"/> on.</summary>
    public FrameAccess GetAccess(ulong frame) => throw new NotImplementedException();

    public void SetAccess(ulong frame, ulong count, FrameAccess access) => throw new NotImplementedException();

    /// <summary>Flushes the whole TLB of every CPU whose bit is set in <paramref name="cpus"/> (by <see cref="Cpu.Index"/>; other CPUs may run).
    /// When it returns, none of them will use an older translation. Must not be called with a lock held that a CPU takes while it runs.</summary>
    public void FlushTlb(ReadOnlySpan<ulong> cpus) => throw new NotImplementedException();

    /// <summary>The same for the page of one linear address.</summary>
    public void FlushTlb(ReadOnlySpan<ulong> cpus, ulong address) => throw new NotImplementedException();

    /// <summary>Tells the CPUs that the hypervisor or a backend wrote guest memory that may hold translated code.</summary>
    public void CodeWritten(ulong frame) => throw new NotImplementedException();
}
