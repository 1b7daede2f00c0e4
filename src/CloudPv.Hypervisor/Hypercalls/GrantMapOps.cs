using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>GNTTABOP_map_grant_ref, unmap_grant_ref and unmap_and_replace: a guest that uses other guests' grants, or its own.</summary>
internal static class GrantMapOps
{
    private const uint Mappings = GnttabMapGrantRef.HostMap | GnttabMapGrantRef.DeviceMap;
    private const int AvailableBitsShift = 16;

    public static void Map(Vcpu vcpu, ref GnttabMapGrantRef op) => op.Status = TryMap(vcpu, ref op);

    public static void Unmap(Vcpu vcpu, ref GnttabUnmapGrantRef op) =>
        op.Status = Unmap(vcpu, op.Handle, op.HostAddr, op.DevBusAddr, newAddress: 0);

    public static void UnmapAndReplace(Vcpu vcpu, ref GnttabUnmapAndReplace op) =>
        op.Status = op.NewAddr == 0 ? GrantStatus.GeneralError : Unmap(vcpu, op.Handle, op.HostAddr, deviceAddress: 0, op.NewAddr);

    private static GrantStatus TryMap(Vcpu vcpu, ref GnttabMapGrantRef op)
    {
        if ((op.Flags & Mappings) == 0)
            return GrantStatus.BadGrantReference;
        if (!vcpu.Domain.Host.TryGetDomain(new DomainId(op.Dom), out Domain granter))
            return GrantStatus.BadDomain;
        bool readOnly = (op.Flags & GnttabMapGrantRef.ReadOnly) != 0;
        GrantStatus status = granter.Grants.TryMap(vcpu.Domain.Id, new GrantRef(op.Ref), readOnly, out GrantMapping mapping);
        if (status != GrantStatus.Okay)
            return status;

        if ((op.Flags & GnttabMapGrantRef.HostMap) != 0)
        {
            status = vcpu.Domain.Memory.CreateGrantMapping(
                vcpu, op.HostAddr, mapping.Frame, readOnly, containsPte: (op.Flags & GnttabMapGrantRef.ContainsPte) != 0,
                forUser: (op.Flags & GnttabMapGrantRef.ApplicationMap) != 0, op.Flags >> AvailableBitsShift);
        }
        if (status == GrantStatus.Okay)
        {
            if (vcpu.Domain.MappedGrants.TryAdd(new MappedGrantRef(granter.Grants, mapping, op.Flags), out op.Handle))
            {
                op.DevBusAddr = mapping.Frame.Value << MachineMemory.FrameShift;
                return GrantStatus.Okay;
            }
            status = GrantStatus.NoSpace;
            if ((op.Flags & GnttabMapGrantRef.HostMap) != 0)
                DestroyHostMapping(vcpu, op.Flags, mapping, op.HostAddr, newAddress: 0);
        }
        granter.Grants.Unmap(mapping);
        return status;
    }

    private static GrantStatus Unmap(Vcpu vcpu, uint handle, ulong hostAddress, ulong deviceAddress, ulong newAddress)
    {
        GrantHandles handles = vcpu.Domain.MappedGrants;
        if (handles.Take(handle) is not { } mapped)
            return GrantStatus.BadHandle;

        uint flags = mapped.Flags;
        GrantStatus status = GrantStatus.Okay;
        if (hostAddress != 0 && (flags & GnttabMapGrantRef.HostMap) != 0)
        {
            status = DestroyHostMapping(vcpu, flags, mapped.Mapping, hostAddress, newAddress);
            if (status == GrantStatus.Okay)
                flags &= ~GnttabMapGrantRef.HostMap;
        }
        if (status == GrantStatus.Okay && deviceAddress != 0 && (flags & GnttabMapGrantRef.DeviceMap) != 0)
        {
            if (deviceAddress >> MachineMemory.FrameShift == mapped.Mapping.Frame.Value)
                flags &= ~GnttabMapGrantRef.DeviceMap;
            else
                status = GrantStatus.GeneralError;
        }
        if ((flags & Mappings) != 0)
        {
            handles.PutBack(handle, mapped with { Flags = flags });
            return status;
        }
        mapped.Granter.Unmap(mapped.Mapping);
        handles.Release(handle);
        return status;
    }

    private static GrantStatus DestroyHostMapping(Vcpu vcpu, uint flags, in GrantMapping mapping, ulong address, ulong newAddress) =>
        vcpu.Domain.Memory.DestroyGrantMapping(
            vcpu, address, mapping.Frame, mapping.ReadOnly, containsPte: (flags & GnttabMapGrantRef.ContainsPte) != 0, newAddress);
}
