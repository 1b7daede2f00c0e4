using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>XENMEM_exchange: some pages for others, for instance single ones for adjoining ones.</summary>
internal static class MemoryExchange
{
    public static long Run(Vcpu vcpu, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out MemoryExchangeArguments request))
            return XenErrno.EFAULT;
        long result = Check(vcpu, request);
        if (result == 0)
        {
            // A chunk is as many extents of the smaller order as make up one of the larger.
            int chunkOrder = (int)Math.Max(request.In.ExtentOrder, request.Out.ExtentOrder);
            int inPerChunk = 1 << (chunkOrder - (int)request.In.ExtentOrder);
            while (result == 0 && request.NrExchanged < request.In.NrExtents)
            {
                result = ExchangeChunk(vcpu, request, chunkOrder);
                if (result == 0)
                    request.NrExchanged += (ulong)inPerChunk;
            }
        }
        return vcpu.TryWrite(argument, request) ? result : XenErrno.EFAULT;
    }

    private static long Check(Vcpu vcpu, in MemoryExchangeArguments request)
    {
        uint inOrder = request.In.ExtentOrder, outOrder = request.Out.ExtentOrder;
        if (Math.Max(inOrder, outOrder) > ReservationChange.MaximumOrder)
            return XenErrno.EPERM;
        if (request.NrExchanged > request.In.NrExtents || request.In.Domid != request.Out.Domid
            || request.In.NrExtents > uint.MaxValue || request.Out.NrExtents > uint.MaxValue
            || request.In.NrExtents << (int)inOrder != request.Out.NrExtents << (int)outOrder)
        {
            return XenErrno.EINVAL;
        }
        return ForeignDomain.IsSelf(vcpu, request.In.Domid) ? 0 : ForeignDomain.Error(vcpu, request.In.Domid);
    }

    private static long ExchangeChunk(Vcpu vcpu, in MemoryExchangeArguments request, int chunkOrder)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        var given = new List<Mfn>(1 << chunkOrder);
        using (memory.Change(vcpu))
        {
            long error = Collect(vcpu, request, chunkOrder, given);
            if (error != 0)
                return error;
            foreach (Mfn frame in given)
                memory.Reservation.Release(frame);
            return Populate(vcpu, request, chunkOrder);
        }
    }

    /// <summary>The pages of a chunk that the guest gives: each must be its own, and mapped nowhere.</summary>
    private static long Collect(Vcpu vcpu, in MemoryExchangeArguments request, int chunkOrder, List<Mfn> given)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        int order = (int)request.In.ExtentOrder;
        for (int i = 0; i < 1 << (chunkOrder - order); i++)
        {
            if (!vcpu.TryRead(new(request.In.ExtentStart + (request.NrExchanged + (ulong)i) * sizeof(ulong)), out ulong first))
                return XenErrno.EFAULT;
            for (ulong j = 0; j < 1UL << order; j++)
            {
                Mfn frame = new(first + j);
                if (!memory.Owns(frame) || !memory.IsUnused(frame) || given.Contains(frame))
                    return XenErrno.EINVAL;
                given.Add(frame);
            }
        }
        return 0;
    }

    private static long Populate(Vcpu vcpu, in MemoryExchangeArguments request, int chunkOrder)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        int order = (int)request.Out.ExtentOrder;
        ulong firstExtent = request.NrExchanged << (int)request.In.ExtentOrder >> order;
        for (int i = 0; i < 1 << (chunkOrder - order); i++)
        {
            GuestVirtual extent = new(request.Out.ExtentStart + (firstExtent + (ulong)i) * sizeof(ulong));
            if (!memory.Reservation.TryAllocate(order, out Mfn frame))
                return XenErrno.ENOMEM;
            if (!vcpu.TryRead(extent, out ulong pfn))
                return XenErrno.EFAULT;
            for (ulong j = 0; j < 1UL << order; j++)
                memory.SetPhysicalOf(new(frame.Value + j), pfn + j);
            if (!vcpu.TryWrite(extent, frame.Value))
                return XenErrno.EFAULT;
        }
        return 0;
    }
}
