using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One port of a domain. Its object stays for the domain's life; what it is bound to is replaced as a whole, so a sender needs no lock.</summary>
internal sealed class EventChannel(uint port)
{
    private EventBinding _binding = EventBinding.Free;
    private int _notifyVcpu;

    public uint Port { get; } = port;

    public EventBinding Binding
    {
        get => Volatile.Read(ref _binding);
        set => Volatile.Write(ref _binding, value);
    }

    /// <summary>The vCPU that is notified.</summary>
    public int NotifyVcpu
    {
        get => Volatile.Read(ref _notifyVcpu);
        set => Volatile.Write(ref _notifyVcpu, value);
    }

    /// <summary>FIFO: where the port was linked last, and where it goes next. Guarded by <see cref="FifoLock"/>.</summary>
    public FifoQueue? LastQueue { get; set; }

    public int Priority { get; set; } = EvtchnFifo.PriorityDefault;

    /// <summary>FIFO: raised before the guest had given the page with its event word.</summary>
    public bool RaisedEarly { get; set; }

    public Lock FifoLock { get; } = new();
}

/// <summary>What a port is bound to.</summary>
internal abstract record EventBinding
{
    public static readonly EventBinding Free = new FreePort();

    /// <summary>Xen's own (ECS_RESERVED): port 0.</summary>
    public static readonly EventBinding Reserved = new ReservedPort();

    /// <summary>How EVTCHNOP_status tells it.</summary>
    public abstract EventChannelStatus Status { get; }

    private sealed record FreePort : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Closed;
    }

    private sealed record ReservedPort : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Closed;
    }

    /// <summary>Waits for <paramref name="Remote"/> to bind.</summary>
    public sealed record Unbound(DomainId Remote) : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Unbound;
    }

    /// <summary>Connected with a port of another domain, or of the same.</summary>
    public sealed record Interdomain(Domain Remote, EventChannel RemoteChannel) : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Interdomain;
    }

    /// <summary>Connected with a backend in dom0.</summary>
    public sealed record Dom0(Dom0EventChannel Backend) : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Interdomain;
    }

    public sealed record VirtualIrq(Virq Virq) : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Virq;
    }

    public sealed record Ipi : EventBinding
    {
        public override EventChannelStatus Status => EventChannelStatus.Ipi;
    }
}
