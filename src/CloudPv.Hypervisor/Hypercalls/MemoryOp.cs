using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_memory_op.</summary>
internal static class MemoryOp
{
    private const int StartExtentShift = 6;
    private const ulong CommandMask = (1 << StartExtentShift) - 1;

    /// <summary>Arg1: the command, and above 6 bits how many extents are done already; Arg2: linear address of its structure.</summary>
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var command = (MemoryCommand)(arguments.Arg1 & CommandMask);
        ulong startExtent = arguments.Arg1 >> StartExtentShift;
        GuestVirtual argument = new(arguments.Arg2);
        switch (command)
        {
            case MemoryCommand.IncreaseReservation or MemoryCommand.DecreaseReservation or MemoryCommand.PopulatePhysmap:
                return ReservationChange.Run(vcpu, command, startExtent, argument);
            case MemoryCommand.Exchange: return startExtent != 0 ? XenErrno.EINVAL : MemoryExchange.Run(vcpu, argument);
            case MemoryCommand.MaximumRamPage: return (long)vcpu.Domain.Host.Frames.End;
            case MemoryCommand.CurrentReservation or MemoryCommand.MaximumReservation or MemoryCommand.MaximumGpfn:
                return Query(vcpu, command, argument);
            case MemoryCommand.MemoryMap: return MemoryMapOp.Get(vcpu, argument);
            case MemoryCommand.SetMemoryMap: return MemoryMapOp.Set(vcpu, argument);
            case MemoryCommand.MachphysMapping: return GetMachphysMapping(vcpu, argument);
            case MemoryCommand.MachphysMfnList: return GetMachphysMfnList(vcpu, argument);

            case MemoryCommand.MachphysCompatMfnList: return XenErrno.EOPNOTSUPP;
            case MemoryCommand.GetSharingFreedPages or MemoryCommand.GetSharingSharedPages: return 0;

            // The control domain's business.
            case MemoryCommand.MachineMemoryMap: return XenErrno.EPERM;
            case MemoryCommand.ClaimPages: return ClaimPages(vcpu, argument);
            case MemoryCommand.AcquireResource: return AcquireResource(vcpu, argument);

            // Only for guests with a translated physmap.
            case MemoryCommand.AddToPhysmap or MemoryCommand.AddToPhysmapBatch or MemoryCommand.RemoveFromPhysmap: return XenErrno.EACCES;
            case MemoryCommand.SetPodTarget or MemoryCommand.GetPodTarget or MemoryCommand.AccessOp: return XenErrno.EINVAL;
            case MemoryCommand.GetVnumainfo: return GetVnumainfo(vcpu, argument);
            case MemoryCommand.ReservedDeviceMemoryMap: return GetReservedDeviceMemory(vcpu, argument);
            default: return XenErrno.ENOSYS;
        }
    }

    private static long Query(Vcpu vcpu, MemoryCommand command, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out ushort domain))
            return XenErrno.EFAULT;
        if (!ForeignDomain.IsSelf(vcpu, domain))
            return ForeignDomain.Error(vcpu, domain);
        Reservation reservation = vcpu.Domain.Memory.Reservation;
        return command switch
        {
            MemoryCommand.CurrentReservation => (long)reservation.Pages,
            MemoryCommand.MaximumReservation => (long)reservation.Maximum,
            // The guest says how many page numbers it uses.
            _ => (long)Math.Max(vcpu.Domain.SharedInfo.Arch.MaxPfn, 1) - 1,
        };
    }

    /// <summary>A promise of pages for domains to be built.</summary>
    private static long ClaimPages(Vcpu vcpu, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out MemoryReservation claim))
            return XenErrno.EFAULT;
        if (claim.ExtentStart != 0 || claim.ExtentOrder != 0 || claim.MemFlags != 0 || ForeignDomain.Error(vcpu, claim.Domid) == XenErrno.ESRCH)
            return XenErrno.EINVAL;
        return XenErrno.EPERM;
    }

    /// <summary>A domain is told its own topology, of which there is none.</summary>
    private static long GetVnumainfo(Vcpu vcpu, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out ushort domain))
            return XenErrno.EFAULT;
        return ForeignDomain.IsSelf(vcpu, domain) ? XenErrno.EOPNOTSUPP : ForeignDomain.Error(vcpu, domain);
    }

    /// <summary>struct xen_reserved_device_memory_map begins with flags and the number of entries: there are none.</summary>
    private static long GetReservedDeviceMemory(Vcpu vcpu, GuestVirtual argument)
    {
        const uint All = 1;
        if (!vcpu.TryRead(argument, out uint flags))
            return XenErrno.EFAULT;
        if ((flags & ~All) != 0)
            return XenErrno.EINVAL;
        return vcpu.TryWrite(new(argument.Value + sizeof(uint)), 0u) ? 0 : XenErrno.EFAULT;
    }

    /// <summary>One domain maps the resources of another: not of itself, and no domU has one under it.</summary>
    private static long AcquireResource(Vcpu vcpu, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out ushort domain))
            return XenErrno.EFAULT;
        return domain == vcpu.Domain.Id.Value ? XenErrno.EPERM : ForeignDomain.Error(vcpu, domain);
    }

    private static long GetMachphysMapping(Vcpu vcpu, GuestVirtual argument)
    {
        var mapping = new MachphysMapping
        {
            VStart = GuestAddressSpace.MachineToPhysStart,
            VEnd = GuestAddressSpace.MachineToPhysEnd,
            MaxMfn = (GuestAddressSpace.MachineToPhysEnd - GuestAddressSpace.MachineToPhysStart) / sizeof(ulong) - 1,
        };
        return vcpu.TryWrite(argument, mapping) ? 0 : XenErrno.EFAULT;
    }

    private static long GetMachphysMfnList(Vcpu vcpu, GuestVirtual argument)
    {
        const ulong FramesPerExtent = 512, EntriesPerExtent = FramesPerExtent * 512;
        if (!vcpu.TryRead(argument, out MachphysMfnList list))
            return XenErrno.EFAULT;
        ulong count = Math.Min(list.MaxExtents, (vcpu.Domain.Host.Frames.End + EntriesPerExtent - 1) / EntriesPerExtent);
        for (ulong i = 0; i < count; i++)
        {
            if (!vcpu.TryWrite(new(list.ExtentStart + i * sizeof(ulong)), vcpu.Domain.Host.MachineToPhys.FirstFrame + i * FramesPerExtent))
                return XenErrno.EFAULT;
        }
        list.NrExtents = (uint)count;
        return vcpu.TryWrite(argument, list) ? 0 : XenErrno.EFAULT;
    }
}
