using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_grant_table_op: xen/include/public/grant_table.h.</summary>
internal static class GrantTableOp
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var address = new GuestVirtual(arguments.Arg2);
        uint count = (uint)arguments.Arg3;
        if ((int)count < 0)
            return XenErrno.EINVAL;
        return (GrantTableOpCommand)arguments.Arg1 switch
        {
            GrantTableOpCommand.SetupTable => SetupTable(vcpu, address, count),
            GrantTableOpCommand.QuerySize => QuerySize(vcpu, address, count),
            GrantTableOpCommand.SetVersion => SetVersion(vcpu, address),
            GrantTableOpCommand.GetVersion => GetVersion(vcpu, address),
            GrantTableOpCommand.GetStatusFrames => GetStatusFrames(vcpu, address, count),
            _ => XenErrno.ENOSYS,
        };
    }

    private static long SetupTable(Vcpu vcpu, GuestVirtual address, uint count)
    {
        if (count != 1)
            return XenErrno.EINVAL;
        if (!vcpu.TryRead(address, out GnttabSetupTable op))
            return XenErrno.EFAULT;
        if (!IsSelf(vcpu, op.Dom))
            op.Status = GrantStatus.PermissionDenied;
        else if (!vcpu.Domain.Grants.TrySetup(op.NrFrames, out ReadOnlySpan<Mfn> frames))
            op.Status = GrantStatus.GeneralError;
        else
            op.Status = vcpu.TryWrite(new GuestVirtual(op.FrameList), frames) ? GrantStatus.Okay : GrantStatus.BadVirtualAddress;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long GetStatusFrames(Vcpu vcpu, GuestVirtual address, uint count)
    {
        if (count != 1)
            return XenErrno.EINVAL;
        if (!vcpu.TryRead(address, out GnttabGetStatusFrames op))
            return XenErrno.EFAULT;
        if (!IsSelf(vcpu, op.Dom))
            op.Status = GrantStatus.PermissionDenied;
        else if (!vcpu.Domain.Grants.TryGetStatusFrames(op.NrFrames, out ReadOnlySpan<Mfn> frames))
            op.Status = GrantStatus.GeneralError;
        else
            op.Status = vcpu.TryWrite(new GuestVirtual(op.FrameList), frames) ? GrantStatus.Okay : GrantStatus.BadVirtualAddress;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long QuerySize(Vcpu vcpu, GuestVirtual address, uint count)
    {
        if (count != 1)
            return XenErrno.EINVAL;
        if (!vcpu.TryRead(address, out GnttabQuerySize op))
            return XenErrno.EFAULT;
        if (IsSelf(vcpu, op.Dom))
        {
            op.NrFrames = (uint)vcpu.Domain.Grants.FrameCount;
            op.MaxNrFrames = GrantTable.MaxFrames;
            op.Status = GrantStatus.Okay;
        }
        else
        {
            op.Status = GrantStatus.PermissionDenied;
        }
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long SetVersion(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out uint version))
            return XenErrno.EFAULT;
        if (version is not (1 or 2))
            return XenErrno.EINVAL;
        long result = vcpu.Domain.Grants.SetVersion((int)version);
        return vcpu.TryWrite(address, (uint)vcpu.Domain.Grants.Version) ? result : XenErrno.EFAULT;
    }

    private static long GetVersion(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out GnttabGetVersion op))
            return XenErrno.EFAULT;
        if (!IsSelf(vcpu, op.Dom))
            return XenErrno.EPERM;
        op.Version = (uint)vcpu.Domain.Grants.Version;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static bool IsSelf(Vcpu vcpu, ushort domain) => domain == ReservedDomains.Self || domain == vcpu.Domain.Id.Value;
}
