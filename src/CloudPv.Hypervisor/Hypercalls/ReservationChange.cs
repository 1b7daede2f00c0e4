using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>XENMEM_increase_reservation, XENMEM_decrease_reservation and XENMEM_populate_physmap: the balloon.</summary>
internal static class ReservationChange
{
    /// <summary>CONFIG_DOMU_MAX_ORDER.</summary>
    public const uint MaximumOrder = 9;

    /// <summary>Returns how many extents are done, those before <paramref name="start"/> among them: also on every error.</summary>
    public static long Run(Vcpu vcpu, MemoryCommand command, ulong start, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out MemoryReservation request)
            || request.NrExtents > uint.MaxValue >> 6 || start >= request.NrExtents
            || !ForeignDomain.IsSelf(vcpu, request.Domid) || request.ExtentOrder > MaximumOrder
            || (request.MemFlags & MemoryReservation.PopulateOnDemand) != 0)
        {
            return (long)start;
        }
        DomainMemory memory = vcpu.Domain.Memory;
        ulong done = start;
        while (done < request.NrExtents)
        {
            GuestVirtual extent = new(request.ExtentStart + done * sizeof(ulong));
            using (memory.Change(vcpu))
            {
                bool ok = command switch
                {
                    MemoryCommand.DecreaseReservation => TryRelease(vcpu, extent, request.ExtentOrder),
                    MemoryCommand.PopulatePhysmap => TryPopulate(vcpu, extent, (int)request.ExtentOrder),
                    _ => TryIncrease(vcpu, extent, request),
                };
                if (!ok)
                    break;
            }
            done++;
        }
        return (long)done;
    }

    private static bool TryRelease(Vcpu vcpu, GuestVirtual extent, uint order)
    {
        if (!vcpu.TryRead(extent, out ulong first))
            return false;
        for (ulong i = 0; i < 1UL << (int)order; i++)
        {
            if (vcpu.Domain.Memory.Reservation.Release(new(first + i)) != 0)
                return false;
        }
        return true;
    }

    private static bool TryIncrease(Vcpu vcpu, GuestVirtual extent, in MemoryReservation request) =>
        vcpu.Domain.Memory.Reservation.TryAllocate((int)request.ExtentOrder, out Mfn first)
        && (request.ExtentStart == 0 || vcpu.TryWrite(extent, first.Value));

    private static bool TryPopulate(Vcpu vcpu, GuestVirtual extent, int order)
    {
        DomainMemory memory = vcpu.Domain.Memory;
        if (!vcpu.TryRead(extent, out ulong pfn) || !memory.Reservation.TryAllocate(order, out Mfn first))
            return false;
        for (ulong i = 0; i < 1UL << order; i++)
            memory.SetPhysicalOf(new(first.Value + i), pfn + i);
        return vcpu.TryWrite(extent, first.Value);
    }
}
