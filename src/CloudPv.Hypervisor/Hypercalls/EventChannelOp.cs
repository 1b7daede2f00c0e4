using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_event_channel_op and its older form: xen/include/public/event_channel.h.</summary>
internal static unsafe class EventChannelOp
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) =>
        Dispatch(vcpu, (EventChannelOpCommand)arguments.Arg1, new GuestVirtual(arguments.Arg2));

    /// <summary>event_channel_op_compat(struct evtchn_op): the command stands before the argument.</summary>
    public static long HandleCompat(Vcpu vcpu, in HypercallArguments arguments)
    {
        const ulong ArgumentOffset = 4;
        if (!vcpu.TryRead(new GuestVirtual(arguments.Arg1), out uint command))
            return XenErrno.EFAULT;
        return (EventChannelOpCommand)command > EventChannelOpCommand.Unmask
            ? XenErrno.ENOSYS
            : Dispatch(vcpu, (EventChannelOpCommand)command, new GuestVirtual(arguments.Arg1 + ArgumentOffset));
    }

    private static long Dispatch(Vcpu vcpu, EventChannelOpCommand command, GuestVirtual address)
    {
        EventChannels events = vcpu.Domain.Events;
        switch (command)
        {
            case EventChannelOpCommand.Send:
                return vcpu.TryRead(address, out uint sent) ? events.Send(sent) : XenErrno.EFAULT;
            case EventChannelOpCommand.Unmask:
                return vcpu.TryRead(address, out uint unmasked) ? events.Unmask(unmasked) : XenErrno.EFAULT;
            case EventChannelOpCommand.Close:
                return vcpu.TryRead(address, out uint closed) ? events.Close(closed) : XenErrno.EFAULT;
            case EventChannelOpCommand.AllocUnbound:
                return AllocUnbound(vcpu, address);
            case EventChannelOpCommand.BindInterdomain:
                return BindInterdomain(vcpu, address);
            case EventChannelOpCommand.BindVirq:
                return BindVirq(vcpu, address);
            case EventChannelOpCommand.BindIpi:
                return BindIpi(vcpu, address);
            case EventChannelOpCommand.BindPirq:
                return BindPirq(vcpu, address);
            case EventChannelOpCommand.BindVcpu:
                return vcpu.TryRead(address, out EvtchnBindVcpu bind) ? events.BindVcpu(bind.Port, bind.Vcpu) : XenErrno.EFAULT;
            case EventChannelOpCommand.Status:
                return Status(vcpu, address);
            case EventChannelOpCommand.Reset:
                return Reset(vcpu, address);
            case EventChannelOpCommand.InitControl:
                return InitControl(vcpu, address);
            case EventChannelOpCommand.ExpandArray:
                return vcpu.TryRead(address, out ulong frame) ? events.ExpandArray(new Mfn(frame)) : XenErrno.EFAULT;
            case EventChannelOpCommand.SetPriority:
                return vcpu.TryRead(address, out EvtchnSetPriority priority) ? events.SetPriority(priority.Port, priority.Priority) : XenErrno.EFAULT;
            default:
                return XenErrno.ENOSYS;
        }
    }

    private static long AllocUnbound(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out EvtchnAllocUnbound op))
            return XenErrno.EFAULT;
        if (!IsSelf(vcpu, op.Dom))
            return vcpu.Domain.Host.TryGetDomain(new DomainId(op.Dom), out _) || op.Dom == 0 ? XenErrno.EPERM : XenErrno.ESRCH;
        DomainId remote = op.RemoteDom == SpecialDomain.Self ? vcpu.Domain.Id : new DomainId(op.RemoteDom);
        if (!vcpu.Domain.Events.TryAllocate(new EventBinding.Unbound(remote), vcpu: 0, out EventChannel channel))
            return XenErrno.ENOSPC;
        op.Port = channel.Port;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long BindInterdomain(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out EvtchnBindInterdomain op))
            return XenErrno.EFAULT;
        Domain remote = vcpu.Domain;
        // Dom0's own ports are never open to guests: backends bind to theirs.
        if (op.RemoteDom == DomainId.Zero.Value)
            return XenErrno.EINVAL;
        if (!IsSelf(vcpu, op.RemoteDom) && !vcpu.Domain.Host.TryGetDomain(new DomainId(op.RemoteDom), out remote))
            return XenErrno.ESRCH;
        long port = vcpu.Domain.Events.BindInterdomain(remote, op.RemotePort);
        if (port < 0)
            return port;
        op.LocalPort = (uint)port;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long BindVirq(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out EvtchnBindVirq op))
            return XenErrno.EFAULT;
        long port = vcpu.Domain.Events.BindVirq(op.Virq, op.Vcpu);
        if (port < 0)
            return port;
        op.Port = (uint)port;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long BindIpi(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out EvtchnBindIpi op))
            return XenErrno.EFAULT;
        if (op.Vcpu >= vcpu.Domain.Vcpus.Length)
            return XenErrno.ENOENT;
        if (!vcpu.Domain.Events.TryAllocate(new EventBinding.Ipi(), (int)op.Vcpu, out EventChannel channel))
            return XenErrno.ENOSPC;
        op.Port = channel.Port;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    /// <summary>A domU without passed-through devices owns no physical interrupt.</summary>
    private static long BindPirq(Vcpu vcpu, GuestVirtual address)
    {
        const uint PhysicalIrqs = 256;
        if (!vcpu.TryRead(address, out EvtchnBindPirq op))
            return XenErrno.EFAULT;
        return op.Pirq >= PhysicalIrqs ? XenErrno.EINVAL : XenErrno.EPERM;
    }

    private static long Status(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out EvtchnStatus op))
            return XenErrno.EFAULT;
        if (!IsSelf(vcpu, op.Dom))
            return vcpu.Domain.Host.TryGetDomain(new DomainId(op.Dom), out _) || op.Dom == 0 ? XenErrno.EPERM : XenErrno.ESRCH;
        if (!vcpu.Domain.Events.TryGet(op.Port, out EventChannel channel))
            return XenErrno.EINVAL;

        EventBinding binding = channel.Binding;
        op.Status = binding.Status;
        op.Vcpu = (uint)channel.NotifyVcpu;
        switch (binding)
        {
            case EventBinding.Unbound(DomainId remote):
                op.RemoteDom = remote.Value;
                break;
            case EventBinding.Interdomain(Domain remote, EventChannel remoteChannel):
                op.RemoteDom = remote.Id.Value;
                op.RemotePort = remoteChannel.Port;
                break;
            case EventBinding.Dom0:
                op.RemoteDom = DomainId.Zero.Value;
                op.RemotePort = 0;
                break;
            case EventBinding.VirtualIrq(Virq virq):
                op.Virq = (uint)virq;
                break;
        }
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static long Reset(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out ushort domain))
            return XenErrno.EFAULT;
        return IsSelf(vcpu, domain) ? vcpu.Domain.Events.Reset() : XenErrno.EPERM;
    }

    private static long InitControl(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out EvtchnInitControl op))
            return XenErrno.EFAULT;
        op.LinkBits = EvtchnFifo.LinkBits;
        if (!vcpu.Domain.TryGetVcpu(op.Vcpu, out Vcpu target))
            return XenErrno.ENOENT;
        if (op.Offset > X86.MachineMemory.FrameSize - sizeof(EvtchnFifoControlBlock) || op.Offset % 8 != 0)
            return XenErrno.EINVAL;
        long result = vcpu.Domain.Events.InitControl(target, new Mfn(op.ControlGfn), op.Offset);
        if (result != 0)
            return result;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    private static bool IsSelf(Vcpu vcpu, ushort domain) => domain == SpecialDomain.Self || domain == vcpu.Domain.Id.Value;
}
