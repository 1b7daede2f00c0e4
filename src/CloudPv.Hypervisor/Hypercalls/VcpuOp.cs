using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_vcpu_op(command, vcpu, argument): xen/include/public/vcpu.h.</summary>
internal static class VcpuOp
{
    private const ulong ShortestPeriod = 1_000_000;

    /// <summary>STIME_DELTA_MAX.</summary>
    private const ulong LongestPeriod = 1UL << 62;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        if (!vcpu.Domain.TryGetVcpu((uint)arguments.Arg2, out Vcpu target))
            return XenErrno.ENOENT;
        var address = new GuestVirtual(arguments.Arg3);
        switch ((VcpuOpCommand)arguments.Arg1)
        {
            case VcpuOpCommand.Initialise:
                return Initialise(vcpu, target, address);
            case VcpuOpCommand.Up:
                if (!target.IsInitialised)
                    return XenErrno.EINVAL;
                target.BringUp();
                return 0;
            case VcpuOpCommand.Down:
                return Down(target);
            case VcpuOpCommand.IsUp:
                return target.IsUp ? 1 : 0;
            case VcpuOpCommand.GetRunstateInfo:
                return vcpu.TryWrite(address, target.Runstate.Current) ? 0 : XenErrno.EFAULT;
            case VcpuOpCommand.RegisterRunstateMemoryArea:
                return RegisterRunstateArea(vcpu, target, address);
            case VcpuOpCommand.SetPeriodicTimer:
                return SetPeriodicTimer(vcpu, target, address);
            case VcpuOpCommand.StopPeriodicTimer:
                target.Timers.StopPeriodic();
                return 0;
            case VcpuOpCommand.SetSingleshotTimer:
                return target == vcpu ? SetSingleshotTimer(vcpu, address) : XenErrno.EINVAL;
            case VcpuOpCommand.StopSingleshotTimer:
                if (target != vcpu)
                    return XenErrno.EINVAL;
                target.Timers.StopSingleshot();
                return 0;
            case VcpuOpCommand.RegisterVcpuInfo:
                return RegisterVcpuInfo(vcpu, target, address);
            case VcpuOpCommand.SendNmi:
                if (address.Value != 0)
                    return XenErrno.EINVAL;
                target.NmiPending = true;
                target.Wake();
                return 0;
            case VcpuOpCommand.GetPhysid:
                return XenErrno.EINVAL;
            case VcpuOpCommand.RegisterVcpuTimeMemoryArea:
                return RegisterTimeArea(vcpu, target, address);
            default:
                return XenErrno.ENOSYS;
        }
    }

    private static long Initialise(Vcpu vcpu, Vcpu target, GuestVirtual address)
    {
        if (!target.HasInfo)
            return XenErrno.EINVAL;
        if (!vcpu.TryRead(address, out VcpuGuestContext context))
            return XenErrno.EFAULT;
        // Two vCPUs may try at once.
        lock (target)
            return target.IsInitialised ? XenErrno.EEXIST : target.Initialise(context);
    }

    /// <summary>The last vCPU that goes down takes the domain with it.</summary>
    private static long Down(Vcpu target)
    {
        Domain domain = target.Domain;
        if (domain.Vcpus.Any(other => other != target && other.IsUp))
            target.TakeDown();
        else
            domain.Halt(ShutdownReason.PowerOff);
        return 0;
    }

    private static long RegisterRunstateArea(Vcpu vcpu, Vcpu target, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out GuestVirtual area) || HypervisorRange.Contains(area.Value))
            return XenErrno.EFAULT;
        target.Runstate.Register(area, vcpu);
        return 0;
    }

    private static long RegisterTimeArea(Vcpu vcpu, Vcpu target, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out GuestVirtual area) || HypervisorRange.Contains(area.Value))
            return XenErrno.EFAULT;
        // Null takes the copy away; the clock never changes its rate, so the copy needs no second writing.
        if (area.Value != 0)
            vcpu.TryWrite(area, target.Info.Time);
        return 0;
    }

    private static long RegisterVcpuInfo(Vcpu vcpu, Vcpu target, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out VcpuRegisterVcpuInfo info))
            return XenErrno.EFAULT;
        if (target != vcpu && target.IsUp)
            return XenErrno.EINVAL;
        return target.RegisterInfo(new Mfn(info.Mfn), info.Offset);
    }

    private static long SetPeriodicTimer(Vcpu vcpu, Vcpu target, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out ulong period))
            return XenErrno.EFAULT;
        if (period is < ShortestPeriod or > LongestPeriod)
            return XenErrno.EINVAL;
        target.Timers.SetPeriodic(period);
        return 0;
    }

    /// <summary>A time that has passed raises the event at once. Xen 4.17 ignores VCPU_SSHOTTMR_future.</summary>
    private static long SetSingleshotTimer(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out VcpuSetSingleshotTimer timer))
            return XenErrno.EFAULT;
        if (timer.TimeoutAbsNs < vcpu.Domain.Host.Clock.Now)
        {
            vcpu.Timers.StopSingleshot();
            vcpu.Domain.Events.RaiseVirq(vcpu, Virq.Timer);
        }
        else
        {
            vcpu.Timers.SetSingleshot(timer.TimeoutAbsNs);
        }
        return 0;
    }
}
