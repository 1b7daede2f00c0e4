using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_sched_op and its older form: xen/include/public/sched.h.</summary>
internal static class SchedOp
{
    private const uint MaxPolledPorts = 128;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var address = new GuestVirtual(arguments.Arg2);
        switch ((SchedOpCommand)arguments.Arg1)
        {
            case SchedOpCommand.Yield:
                return Yield();
            case SchedOpCommand.Block:
                return Block(vcpu);
            case SchedOpCommand.Shutdown:
                return vcpu.TryRead(address, out uint reason) ? Shutdown(vcpu, reason) : XenErrno.EFAULT;
            case SchedOpCommand.Poll:
                return vcpu.TryRead(address, out SchedPoll poll) ? Poll(vcpu, poll) : XenErrno.EFAULT;
            case SchedOpCommand.RemoteShutdown:
                return vcpu.TryRead(address, out SchedRemoteShutdown remote) ? RemoteShutdown(vcpu, remote) : XenErrno.EFAULT;
            case SchedOpCommand.ShutdownCode:
                if (!vcpu.TryRead(address, out uint code))
                    return XenErrno.EFAULT;
                vcpu.Domain.ShutdownCode ??= (byte)code;
                return 0;
            case SchedOpCommand.Watchdog:
                return vcpu.TryRead(address, out SchedWatchdog watchdog) ? vcpu.Domain.Watchdogs.Set(watchdog.Id, watchdog.Timeout) : XenErrno.EFAULT;
            case SchedOpCommand.PinOverride:
                return XenErrno.EPERM;
            default:
                return XenErrno.ENOSYS;
        }
    }

    /// <summary>sched_op_compat: the argument is the shutdown reason itself.</summary>
    public static long HandleCompat(Vcpu vcpu, in HypercallArguments arguments) => (SchedOpCommand)arguments.Arg1 switch
    {
        SchedOpCommand.Yield => Yield(),
        SchedOpCommand.Block => Block(vcpu),
        SchedOpCommand.Shutdown => Shutdown(vcpu, (uint)arguments.Arg2),
        _ => XenErrno.ENOSYS,
    };

    private static long Yield()
    {
        Thread.Yield();
        return 0;
    }

    private static long Block(Vcpu vcpu)
    {
        vcpu.PrepareToBlock();
        vcpu.UpcallsMasked = false;
        if (!vcpu.UpcallDeliverable)
            vcpu.Block(VcpuTimers.Never);
        return 0;
    }

    private static long Shutdown(Vcpu vcpu, uint reason)
    {
        vcpu.Domain.Halt((ShutdownReason)(byte)reason);
        return 0;
    }

    private static long RemoteShutdown(Vcpu vcpu, in SchedRemoteShutdown remote)
    {
        bool exists = remote.DomainId == vcpu.Domain.Id.Value || remote.DomainId == DomainId.Zero.Value
            || vcpu.Domain.Host.TryGetDomain(new DomainId(remote.DomainId), out _);
        return exists ? XenErrno.EPERM : XenErrno.ESRCH;
    }

    /// <summary>Waits until one of the ports is pending, whether masked or not, or until the time is over.</summary>
    private static long Poll(Vcpu vcpu, in SchedPoll poll)
    {
        if (poll.NrPorts > MaxPolledPorts)
            return XenErrno.EINVAL;
        EventChannels events = vcpu.Domain.Events;
        Span<uint> ports = stackalloc uint[(int)MaxPolledPorts];
        ports = ports[..(int)poll.NrPorts];
        if (!vcpu.TryRead(new GuestVirtual(poll.Ports), ports))
            return XenErrno.EFAULT;

        vcpu.PrepareToBlock();
        events.Polls.Begin(vcpu, ports.Length == 1 ? ports[0] : EventPolls.AnyPort);
        long result = 0;
        bool answered = vcpu.UpcallDeliverable;
        foreach (uint port in ports)
        {
            if (answered || result != 0)
                break;
            if (events.TryGet(port, out EventChannel channel) && channel.Binding.Status != EventChannelStatus.Closed)
                answered = events.IsPending(channel);
            else
                result = XenErrno.EINVAL;
        }
        if (answered || result != 0)
            events.Polls.End(vcpu);
        else
            vcpu.Block(poll.Timeout == 0 ? VcpuTimers.Never : poll.Timeout);
        return result;
    }
}
