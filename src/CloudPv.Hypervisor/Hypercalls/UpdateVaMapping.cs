using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_update_va_mapping.</summary>
internal static class UpdateVaMapping
{
    /// <summary>Arg1: the linear address; Arg2: the new level-1 entry; Arg3: what to flush then (<see cref="UvmFlags"/>).</summary>
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        ulong address = arguments.Arg1;
        using (memory.Change(vcpu))
        {
            if (!memory.Updates.TryFindEntry(vcpu.KernelRoot, address, out Mfn table, out int slot))
                return XenErrno.EINVAL;
            long error = memory.Updates.Change(table, FrameType.L1, slot, arguments.Arg2, preserveAccessed: false);
            if (error != 0)
                return error;
        }
        return Flush(vcpu, address, arguments.Arg3);
    }

    /// <summary>The same, with the domain whose page is mapped in Arg4.</summary>
    public static long HandleOtherDomain(Vcpu vcpu, in HypercallArguments arguments)
    {
        var owner = (ushort)arguments.Arg4;
        return ForeignDomain.IsSelf(vcpu, owner) ? Handle(vcpu, arguments) : ForeignDomain.Error(vcpu, owner);
    }

    private static long Flush(Vcpu vcpu, ulong address, ulong flags)
    {
        ulong type = flags & UvmFlags.FlushTypeMask, target = flags & ~UvmFlags.FlushTypeMask;
        if (type is not (UvmFlags.TlbFlush or UvmFlags.Invlpg))
            return 0;
        TlbClock clock = vcpu.Domain.Memory.Clock;
        if (target == UvmFlags.Local)
        {
            if (type == UvmFlags.TlbFlush)
                clock.FlushLocal(vcpu);
            else
                vcpu.Cpu.FlushTlb(address);
            return 0;
        }
        Span<ulong> cpus = stackalloc ulong[clock.WordCount];
        if (target == UvmFlags.All)
            clock.SetAll(cpus);
        else if (!CpuSet.TryRead(vcpu, new(target), cpus))
            return XenErrno.EFAULT;
        if (type == UvmFlags.TlbFlush)
            clock.Flush(vcpu, cpus);
        else
            clock.FlushPage(vcpu, cpus, address);
        return 0;
    }
}
