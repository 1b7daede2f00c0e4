using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>
/// When each vCPU's TLB was last flushed whole, so that a frame whose use changes needs a flush only on the CPUs that may still hold an older translation of it
/// (tlbflush_filter). Time counts flushes.
/// </summary>
internal sealed class TlbClock(Domain domain)
{
    private readonly uint[] _lastFlush = new uint[domain.Config.VcpuCount];
    private uint _now = 1;

    /// <summary>The stamp of a translation that is taken away now.</summary>
    public uint Now => Volatile.Read(ref _now);

    /// <summary>Flushes the caller's own TLB (flush_tlb_local).</summary>
    public void FlushLocal(Vcpu vcpu)
    {
        uint time = Interlocked.Increment(ref _now);
        vcpu.Cpu.FlushTlb();
        Volatile.Write(ref _lastFlush[vcpu.Id], time);
    }

    /// <summary>Flushes the TLBs of the vCPUs whose bits are set. Must not be called with a lock of the domain's held.</summary>
    /// <param name="current">The vCPU on whose thread this is; null: none of this domain's.</param>
    public void Flush(Vcpu? current, Span<ulong> cpus)
    {
        uint time = Interlocked.Increment(ref _now);
        if (current is not null && TakeBit(cpus, current.Id))
        {
            current.Cpu.FlushTlb();
            Volatile.Write(ref _lastFlush[current.Id], time);
        }
        if (!cpus.ContainsAnyExcept(0UL))
            return;
        domain.Bus.FlushTlb(cpus);
        for (int id = 0; id < _lastFlush.Length; id++)
        {
            if ((cpus[id / 64] >> (id % 64) & 1) != 0)
                Volatile.Write(ref _lastFlush[id], time);
        }
    }

    /// <summary>Flushes one page of the vCPUs whose bits are set (flush_tlb_one_mask).</summary>
    public void FlushPage(Vcpu current, Span<ulong> cpus, ulong address)
    {
        if (TakeBit(cpus, current.Id))
            current.Cpu.FlushTlb(address);
        if (cpus.ContainsAnyExcept(0UL))
            domain.Bus.FlushTlb(cpus, address);
    }

    /// <summary>Flushes every vCPU that may hold a translation that was taken away at <paramref name="stamp"/> or before.</summary>
    public void FlushOlder(Vcpu? current, uint stamp)
    {
        Span<ulong> cpus = stackalloc ulong[WordCount];
        for (int id = 0; id < _lastFlush.Length; id++)
        {
            if ((int)(Volatile.Read(ref _lastFlush[id]) - stamp) <= 0)
                cpus[id / 64] |= 1UL << (id % 64);
        }
        if (cpus.ContainsAnyExcept(0UL))
            Flush(current, cpus);
    }

    /// <summary>Words of a bitmap of this domain's vCPUs.</summary>
    public int WordCount => (_lastFlush.Length + 63) / 64;

    /// <summary>Sets the bits of all vCPUs.</summary>
    public void SetAll(Span<ulong> cpus)
    {
        for (int id = 0; id < _lastFlush.Length; id++)
            cpus[id / 64] |= 1UL << (id % 64);
    }

    private static bool TakeBit(Span<ulong> cpus, int id)
    {
        ulong bit = 1UL << (id % 64);
        bool set = (cpus[id / 64] & bit) != 0;
        cpus[id / 64] &= ~bit;
        return set;
    }
}
