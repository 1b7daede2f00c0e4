using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_mmuext_op.</summary>
internal static unsafe class MmuextOp
{
    /// <summary>Arg1: the operations; Arg2: how many; Arg3: where the number of those done is added up, or 0; Arg4: the domain whose pages they are about.</summary>
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var owner = (ushort)arguments.Arg4;
        if (!ForeignDomain.IsSelf(vcpu, owner))
            return ForeignDomain.Error(vcpu, owner);
        uint count = (uint)arguments.Arg2, done = 0;
        long result = 0;
        for (ulong address = arguments.Arg1; result == 0 && done < count; address += (ulong)sizeof(MmuextOperation))
        {
            result = vcpu.TryRead(new(address), out MmuextOperation operation) ? Apply(vcpu, operation) : XenErrno.EFAULT;
            if (result == 0)
                done++;
        }
        GuestCounter.Add(vcpu, new(arguments.Arg3), done);
        return result;
    }

    private static long Apply(Vcpu vcpu, in MmuextOperation operation)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        Mfn frame = new(operation.Mfn);
        switch (operation.Cmd)
        {
            case MmuextCommand.PinL1Table: return Pin(vcpu, frame, FrameType.L1);
            case MmuextCommand.PinL2Table: return Pin(vcpu, frame, FrameType.L2);
            case MmuextCommand.PinL3Table: return Pin(vcpu, frame, FrameType.L3);
            case MmuextCommand.PinL4Table: return Pin(vcpu, frame, FrameType.L4);
            case MmuextCommand.UnpinTable: return Unpin(vcpu, frame);
            case MmuextCommand.NewBaseptr: return memory.SetBasePointer(vcpu, CpuMode.Kernel, frame);
            case MmuextCommand.NewUserBaseptr: return memory.SetBasePointer(vcpu, CpuMode.User, frame);
            case MmuextCommand.TlbFlushLocal:
                memory.Clock.FlushLocal(vcpu);
                return 0;
            case MmuextCommand.InvlpgLocal:
                vcpu.Cpu.FlushTlb(operation.LinearAddr);
                return 0;
            case MmuextCommand.TlbFlushMulti or MmuextCommand.InvlpgMulti or MmuextCommand.TlbFlushAll or MmuextCommand.InvlpgAll:
                return Flush(vcpu, operation);
            case MmuextCommand.SetLdt: return SetLdt(vcpu, new(operation.LinearAddr), operation.NrEnts);
            case MmuextCommand.ClearPage: return ClearPage(vcpu, frame);
            case MmuextCommand.CopyPage: return CopyPage(vcpu, frame, new(operation.SrcMfn));

            // Domains with no device of their own have no business with caches.
            case MmuextCommand.FlushCache: return XenErrno.EACCES;
            case MmuextCommand.FlushCacheGlobal: return XenErrno.EINVAL;
            case MmuextCommand.MarkSuper or MmuextCommand.UnmarkSuper: return XenErrno.EOPNOTSUPP;
            default: return XenErrno.ENOSYS;
        }
    }

    private static long Pin(Vcpu vcpu, Mfn frame, FrameType level)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        using (memory.Change(vcpu))
        {
            long error = memory.Types.GetWithType(frame, level);
            if (error != 0)
                return error;
            ref FrameInfo info = ref memory.Info(frame);
            if (info.Has(FrameFlags.Pinned))
            {
                memory.Types.PutWithType(frame);
                return XenErrno.EINVAL;
            }
            info.Flags |= FrameFlags.Pinned;
            return 0;
        }
    }

    private static long Unpin(Vcpu vcpu, Mfn frame)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        using (memory.Change(vcpu))
        {
            if (!memory.Owns(frame) || !memory.Info(frame).Has(FrameFlags.Pinned))
                return XenErrno.EINVAL;
            memory.Info(frame).Flags &= ~FrameFlags.Pinned;
            memory.Types.PutWithType(frame);
            return 0;
        }
    }

    private static long Flush(Vcpu vcpu, in MmuextOperation operation)
    {
        TlbClock clock = vcpu.Domain.Memory.Clock;
        Span<ulong> cpus = stackalloc ulong[clock.WordCount];
        if (operation.Cmd is MmuextCommand.TlbFlushAll or MmuextCommand.InvlpgAll)
            clock.SetAll(cpus);
        else if (!CpuSet.TryRead(vcpu, new(operation.Vcpumask), cpus))
            return XenErrno.EINVAL;
        if (operation.Cmd is MmuextCommand.TlbFlushAll or MmuextCommand.TlbFlushMulti)
            clock.Flush(vcpu, cpus);
        else if (GuestAddressSpace.IsGuest(operation.LinearAddr))
            clock.FlushPage(vcpu, cpus, operation.LinearAddr);
        return 0;
    }

    private static long SetLdt(Vcpu vcpu, GuestVirtual start, uint entries)
    {
        if (entries > DescriptorTables.MaximumLdtEntries)
            return XenErrno.EINVAL;
        if (entries > 0 && ((start.Value & 0xfff) != 0 || !GuestAddressSpace.IsGuest(start.Value)))
            return XenErrno.EINVAL;
        vcpu.Descriptors.SetLdt(start, (int)entries);
        return 0;
    }

    private static long ClearPage(Vcpu vcpu, Mfn frame)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        using (memory.Change(vcpu))
        {
            if (memory.Types.GetWithType(frame, FrameType.Writable) != 0)
                return XenErrno.EINVAL;
            new Span<byte>(memory.Pointer(frame), MachineMemory.FrameSize).Clear();
            memory.Types.PutWithType(frame);
        }
        vcpu.Domain.Bus.CodeWritten(frame.Value);
        return 0;
    }

    private static long CopyPage(Vcpu vcpu, Mfn target, Mfn source)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        using (memory.Change(vcpu))
        {
            if (!memory.Owns(source) || memory.Types.GetWithType(target, FrameType.Writable) != 0)
                return XenErrno.EINVAL;
            new Span<byte>(memory.Pointer(source), MachineMemory.FrameSize).CopyTo(new Span<byte>(memory.Pointer(target), MachineMemory.FrameSize));
            memory.Types.PutWithType(target);
        }
        vcpu.Domain.Bus.CodeWritten(target.Value);
        return 0;
    }
}
