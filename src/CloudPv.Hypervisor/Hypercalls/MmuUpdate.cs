using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_mmu_update.</summary>
internal static unsafe class MmuUpdate
{
    private const int ChunkLength = 32;

    /// <summary>Arg1: the requests; Arg2: how many; Arg3: where the number of those done is added up, or 0; Arg4: whose pages (low half) and, where not 0,
    /// 1 + whose tables (high half).</summary>
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        uint count = (uint)arguments.Arg2, foreign = (uint)arguments.Arg4;
        ushort owner = (ushort)foreign, tableOwner = (ushort)((foreign >> 16) - 1);
        if (foreign >> 16 != 0 && tableOwner != vcpu.Domain.Id.Value)
            return ForeignDomain.Error(vcpu, tableOwner);
        if (owner != SpecialDomain.Io && !ForeignDomain.IsSelf(vcpu, owner))
            return ForeignDomain.Error(vcpu, owner);

        uint done = 0;
        long result = Run(vcpu, new(arguments.Arg1), count, ioOnly: owner == SpecialDomain.Io, ref done);
        GuestCounter.Add(vcpu, new(arguments.Arg3), done);
        return result;
    }

    private static long Run(Vcpu vcpu, GuestVirtual address, uint count, bool ioOnly, ref uint done)
    {
        Span<MmuUpdateRequest> chunk = stackalloc MmuUpdateRequest[ChunkLength];
        while (done < count)
        {
            Span<MmuUpdateRequest> requests = chunk[..(int)Math.Min(ChunkLength, count - done)];
            if (!vcpu.TryRead(address, requests))
            {
                // The requests before the bad address count: one at a time.
                requests = requests[..1];
                if (!vcpu.TryRead(address, requests))
                    return XenErrno.EFAULT;
            }
            using (vcpu.Domain.Memory.Change(vcpu))
            {
                foreach (ref readonly MmuUpdateRequest request in requests)
                {
                    long error = Apply(vcpu.Domain.Memory, request, ioOnly);
                    if (error != 0)
                        return error;
                    done++;
                }
            }
            address = new(address.Value + (ulong)(requests.Length * sizeof(MmuUpdateRequest)));
        }
        return 0;
    }

    private static long Apply(DomainMemory memory, in MmuUpdateRequest request, bool ioOnly)
    {
        const int CommandMask = 7;
        var command = (MmuUpdateCommand)(request.Ptr & CommandMask);
        Mfn frame = new(request.Ptr >> 12);
        int slot = (int)(request.Ptr & 0xfff) / sizeof(ulong);
        return command switch
        {
            MmuUpdateCommand.NormalPtUpdate or MmuUpdateCommand.PtUpdateNoTranslate =>
                ChangeEntry(memory, frame, slot, request.Val, preserveAccessed: false, ioOnly),
            MmuUpdateCommand.PtUpdatePreserveAd => ChangeEntry(memory, frame, slot, request.Val, preserveAccessed: true, ioOnly),
            MmuUpdateCommand.MachphysUpdate => ChangeMachineToPhys(memory, frame, request.Val, ioOnly),
            _ => XenErrno.ENOSYS,
        };
    }

    /// <summary>An entry of a table in use is checked; any other word of the domain's own memory is simply written.</summary>
    private static long ChangeEntry(DomainMemory memory, Mfn frame, int slot, ulong value, bool preserveAccessed, bool ioOnly)
    {
        if (!memory.Owns(frame))
            return XenErrno.EINVAL;
        ref FrameInfo info = ref memory.Info(frame);
        if (info is { IsPageTable: true, TypeReferences: > 0 })
        {
            if (ioOnly && info.Type != FrameType.L1)
                return XenErrno.EINVAL;
            return memory.Updates.Change(frame, info.Type, slot, value, preserveAccessed, ioOnly);
        }
        if (memory.Types.GetType(frame, FrameType.Writable) != 0)
            return XenErrno.EINVAL;
        Volatile.Write(ref ((ulong*)memory.Pointer(frame))[slot], value);
        memory.Types.PutType(frame);
        return 0;
    }

    private static long ChangeMachineToPhys(DomainMemory memory, Mfn frame, ulong pfn, bool ioOnly)
    {
        if (ioOnly || !memory.Owns(frame))
            return XenErrno.EINVAL;
        memory.SetPhysicalOf(frame, pfn);
        return 0;
    }
}
