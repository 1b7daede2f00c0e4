using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Hypercalls that Xen keeps from an unprivileged domain, with the error that a domU of a release build gets.</summary>
internal static class PrivilegedCalls
{
    /// <summary>platform_op, sysctl, domctl, kexec_op, console_io (a domU's is refused on a release build), mca.</summary>
    public static long NotPermitted(Vcpu vcpu, in HypercallArguments arguments) => XenErrno.EPERM;

    /// <summary>nmi_op: only dom0's NMI reasons are of use; the callback is set by callback_op.</summary>
    public static long NmiOp(Vcpu vcpu, in HypercallArguments arguments)
    {
        const uint RegisterCallback = 0;
        const uint UnregisterCallback = 1;
        switch ((uint)arguments.Arg1)
        {
            case RegisterCallback:
                if (!vcpu.TryRead(new GuestVirtual(arguments.Arg2), out ulong handler))
                    return XenErrno.EFAULT;
                if (!ModelSpecificRegisters.IsCanonical(handler))
                    return XenErrno.EINVAL;
                const byte MasksUpcalls = 4;
                vcpu.Traps[ExceptionVector.Nmi] =
                    new TrapInfo { Vector = ExceptionVector.Nmi, Flags = MasksUpcalls, Cs = FlatSelectors.Code64, Address = handler };
                return 0;
            case UnregisterCallback:
                vcpu.Traps[ExceptionVector.Nmi] = default;
                return 0;
            default:
                return XenErrno.ENOSYS;
        }
    }

    /// <summary>xenpmu_op: PMU virtualisation is off, as it is in Xen by default.</summary>
    public static long NotSupported(Vcpu vcpu, in HypercallArguments arguments) => XenErrno.EOPNOTSUPP;
}
