using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Hypercalls that Xen keeps from an unprivileged domain, with the error that a domU of a release build gets.</summary>
internal static class PrivilegedCalls
{
    /// <summary>kexec_op, hypfs_op, console_io (a domU's is refused on a release build), mca.</summary>
    public static long NotPermitted(Vcpu vcpu, in HypercallArguments arguments) => XenErrno.EPERM;

    public static long PlatformOp(Vcpu vcpu, in HypercallArguments arguments) => Refuse(vcpu, arguments, interfaceVersion: 0x0300_0001);

    public static long Sysctl(Vcpu vcpu, in HypercallArguments arguments) => Refuse(vcpu, arguments, interfaceVersion: 0x15);

    public static long Domctl(Vcpu vcpu, in HypercallArguments arguments) => Refuse(vcpu, arguments, interfaceVersion: 0x15);

    /// <summary>hvm_op: parameters are an HVM guest's.</summary>
    public static long HvmOp(Vcpu vcpu, in HypercallArguments arguments)
    {
        const uint GetParameter = 1;
        return (uint)arguments.Arg1 <= GetParameter ? XenErrno.EINVAL : XenErrno.ENOSYS;
    }

    /// <summary>dm_op(domain, buffers, list): device models serve HVM guests.</summary>
    public static long DmOp(Vcpu vcpu, in HypercallArguments arguments)
    {
        const uint MaxBuffers = 3;
        return (uint)arguments.Arg2 > MaxBuffers ? XenErrno.E2BIG : XenErrno.EPERM;
    }

    /// <summary>xenoprof_op: no profiler.</summary>
    public static long NoDevice(Vcpu vcpu, in HypercallArguments arguments) => XenErrno.ENODEV;

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

    /// <summary>xenpmu_op (PMU virtualisation is off, as it is in Xen by default) and the continuation of a paging domctl.</summary>
    public static long NotSupported(Vcpu vcpu, in HypercallArguments arguments) => XenErrno.EOPNOTSUPP;

    /// <summary>A toolstack's call begins with its interface version, which Xen looks at first.</summary>
    private static long Refuse(Vcpu vcpu, in HypercallArguments arguments, uint interfaceVersion)
    {
        if (!vcpu.TryRead(new GuestVirtual(arguments.Arg1), out uint version))
            return XenErrno.EFAULT;
        return version == interfaceVersion ? XenErrno.EPERM : XenErrno.EACCES;
    }
}
