using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A domain's ports: who is at their other end, and raising them. Changes are under a lock; raising and sending take none.</summary>
internal sealed class EventChannels
{
    /// <summary>Ports that a domain may have: xl's max_event_channels.</summary>
    private const int MaxPorts = 1024;

    private const int GrowBy = 64;

    /// <summary>NR_VIRQS.</summary>
    private const int VirqCount = 24;

    private static readonly Lock Connecting = new();

    private readonly Domain _domain;
    private readonly Lock _lock = new();
    private readonly EventChannel?[][] _virqs;
    private EventChannel[] _channels = [];
    private EventAbi _abi;

    public EventChannels(Domain domain)
    {
        _domain = domain;
        _abi = new TwoLevelEvents(domain);
        _virqs = [.. domain.Vcpus.Select(_ => new EventChannel?[VirqCount])];
        Polls = new EventPolls(domain);
        Grow();
        _channels[0].Binding = EventBinding.Reserved;
    }

    /// <summary>vCPUs in SCHEDOP_poll.</summary>
    public EventPolls Polls { get; }

    /// <summary>The channel of a port. False: beyond those that were ever in use.</summary>
    public bool TryGet(uint port, out EventChannel channel)
    {
        EventChannel[] channels = Volatile.Read(ref _channels);
        bool exists = port < (uint)channels.Length;
        channel = exists ? channels[port] : null!;
        return exists;
    }

    /// <summary>The channels of <paramref name="count"/> ports from <paramref name="first"/> on, as far as they were ever in use.</summary>
    public ReadOnlySpan<EventChannel> Range(uint first, uint count)
    {
        EventChannel[] channels = Volatile.Read(ref _channels);
        return first >= (uint)channels.Length ? [] : channels.AsSpan((int)first, (int)Math.Min(count, (uint)channels.Length - first));
    }

    /// <summary>Makes a port pending. From any thread.</summary>
    public void Raise(EventChannel channel)
    {
        if (Volatile.Read(ref _abi).SetPending(channel))
            Polls.Answer(channel.Port);
    }

    public bool IsPending(EventChannel channel) => Volatile.Read(ref _abi).IsPending(channel);

    /// <summary>Raises a virtual interrupt of one vCPU, where it bound it. From any thread.</summary>
    public void RaiseVirq(Vcpu vcpu, Virq virq)
    {
        if (Volatile.Read(ref _virqs[vcpu.Id][(int)virq]) is { } channel)
            Raise(channel);
    }

    /// <summary>EVTCHNOP_send: tells whoever is at the other end.</summary>
    public long Send(uint port)
    {
        if (!TryGet(port, out EventChannel channel))
            return XenErrno.EINVAL;
        switch (channel.Binding)
        {
            case EventBinding.Dom0 dom0:
                dom0.Backend.Receive();
                return 0;
            case EventBinding.Interdomain(Domain remote, EventChannel remoteChannel):
                remote.Events.Raise(remoteChannel);
                return 0;
            case EventBinding.Ipi:
                Raise(channel);
                return 0;
            case EventBinding.Unbound:
                return 0;
            default:
                return XenErrno.EINVAL;
        }
    }

    /// <summary>EVTCHNOP_unmask.</summary>
    public long Unmask(uint port)
    {
        if (!TryGet(port, out EventChannel channel))
            return XenErrno.EINVAL;
        Volatile.Read(ref _abi).Unmask(channel);
        return 0;
    }

    /// <summary>Takes a free port for a binding. False: the domain has all that it may have.</summary>
    public bool TryAllocate(EventBinding binding, int vcpu, out EventChannel channel)
    {
        lock (_lock)
        {
            for (int port = 1; ; port++)
            {
                if (port == _channels.Length && !Grow())
                    break;
                channel = _channels[port];
                if (channel.Binding != EventBinding.Free)
                    continue;
                channel.NotifyVcpu = vcpu;
                channel.Priority = EvtchnFifo.PriorityDefault;
                channel.Binding = binding;
                return true;
            }
        }
        channel = null!;
        return false;
    }

    /// <summary>EVTCHNOP_bind_virq. The port, or an error.</summary>
    public long BindVirq(Virq virq, uint vcpu)
    {
        if ((uint)virq >= VirqCount)
            return XenErrno.EINVAL;
        // All but these belong to the domain, and so to its vCPU 0.
        if (virq is not (Virq.Timer or Virq.Debug or Virq.Xenoprof or Virq.Xenpmu) && vcpu != 0)
            return XenErrno.EINVAL;
        if (vcpu >= _domain.Vcpus.Length)
            return XenErrno.ENOENT;
        lock (_lock)
        {
            ref EventChannel? slot = ref _virqs[vcpu][(int)virq];
            if (slot is not null)
                return XenErrno.EEXIST;
            if (!TryAllocate(new EventBinding.VirtualIrq(virq), (int)vcpu, out EventChannel channel))
                return XenErrno.ENOSPC;
            Volatile.Write(ref slot, channel);
            return channel.Port;
        }
    }

    /// <summary>EVTCHNOP_bind_interdomain with another guest. The port, or an error.</summary>
    public long BindInterdomain(Domain remote, uint remotePort)
    {
        lock (Connecting)
        {
            if (!remote.Events.TryGet(remotePort, out EventChannel remoteChannel) ||
                remoteChannel.Binding is not EventBinding.Unbound unbound || unbound.Remote != _domain.Id)
            {
                return XenErrno.EINVAL;
            }
            if (!TryAllocate(new EventBinding.Interdomain(remote, remoteChannel), 0, out EventChannel channel))
                return XenErrno.ENOSPC;
            remoteChannel.Binding = new EventBinding.Interdomain(_domain, channel);
            // What was sent while nobody listened is lost; so the new end looks once.
            Raise(channel);
            return channel.Port;
        }
    }

    /// <summary>Connects a backend to a port that waits for dom0. Null: it doesn't.</summary>
    public IEventChannel? TryBindDom0(uint port, Action onEvent)
    {
        lock (Connecting)
        {
            if (!TryGet(port, out EventChannel channel) || channel.Binding is not EventBinding.Unbound unbound || unbound.Remote != DomainId.Zero)
                return null;
            var backend = new Dom0EventChannel(this, channel, onEvent);
            channel.Binding = new EventBinding.Dom0(backend);
            // What was sent while nobody listened is lost; so the backend looks once, when it has its end in hand.
            ThreadPool.UnsafeQueueUserWorkItem(static backend => backend.Receive(), backend, preferLocal: false);
            return backend;
        }
    }

    /// <summary>The backend closed its end: the guest's port waits for dom0 again.</summary>
    public void CloseDom0End(Dom0EventChannel backend, EventChannel channel)
    {
        lock (Connecting)
        {
            if (channel.Binding is EventBinding.Dom0 dom0 && dom0.Backend == backend)
                channel.Binding = new EventBinding.Unbound(DomainId.Zero);
        }
    }

    /// <summary>EVTCHNOP_close. The other end of an interdomain channel waits for this domain again.</summary>
    public long Close(uint port)
    {
        if (!TryGet(port, out EventChannel channel))
            return XenErrno.EINVAL;
        lock (Connecting)
        {
            switch (channel.Binding)
            {
                case EventBinding.Interdomain(_, EventChannel remoteChannel):
                    remoteChannel.Binding = new EventBinding.Unbound(_domain.Id);
                    break;
                case EventBinding.VirtualIrq(Virq virq):
                    Volatile.Write(ref _virqs[channel.NotifyVcpu][(int)virq], null);
                    break;
                case var binding when binding.Status == EventChannelStatus.Closed:
                    return XenErrno.EINVAL;
            }
            _abi.ClearPending(channel);
            lock (_lock)
                channel.Binding = EventBinding.Free;
            return 0;
        }
    }

    /// <summary>EVTCHNOP_bind_vcpu.</summary>
    public long BindVcpu(uint port, uint vcpu)
    {
        if (vcpu >= _domain.Vcpus.Length)
            return XenErrno.ENOENT;
        if (!TryGet(port, out EventChannel channel))
            return XenErrno.EINVAL;
        switch (channel.Binding)
        {
            case EventBinding.Unbound or EventBinding.Interdomain or EventBinding.Dom0:
            case EventBinding.VirtualIrq { Virq: not (Virq.Timer or Virq.Debug or Virq.Xenoprof or Virq.Xenpmu) }:
                channel.NotifyVcpu = (int)vcpu;
                return 0;
            default:
                return XenErrno.EINVAL;
        }
    }

    /// <summary>EVTCHNOP_reset: closes every port and goes back to the 2-level ABI.</summary>
    public long Reset()
    {
        foreach (EventChannel channel in Range(1, uint.MaxValue))
            Close(channel.Port);
        lock (_lock)
            _abi = new TwoLevelEvents(_domain);
        return 0;
    }

    /// <summary>EVTCHNOP_init_control: a vCPU's FIFO control block. The domain's first one changes it to the FIFO ABI.</summary>
    public long InitControl(Vcpu vcpu, Mfn frame, uint offset)
    {
        lock (_lock)
        {
            if (_abi is FifoEvents current)
                return current.MapControlBlock(vcpu, frame, offset);

            var fifo = new FifoEvents(_domain);
            long error = fifo.MapControlBlock(vcpu, frame, offset);
            if (error != 0)
                return error;
            foreach (EventChannel channel in Range(1, uint.MaxValue))
            {
                channel.Priority = EvtchnFifo.PriorityDefault;
                channel.LastQueue = null;
                channel.RaisedEarly = _abi.IsPending(channel);
            }
            Volatile.Write(ref _abi, fifo);
            return 0;
        }
    }

    /// <summary>EVTCHNOP_expand_array.</summary>
    public long ExpandArray(Mfn frame)
    {
        lock (_lock)
            return _abi is FifoEvents fifo ? fifo.AddPage(frame, this) : XenErrno.EOPNOTSUPP;
    }

    /// <summary>EVTCHNOP_set_priority. It counts from the next time on that the port is linked.</summary>
    public long SetPriority(uint port, uint priority)
    {
        lock (_lock)
        {
            if (!TryGet(port, out EventChannel channel))
                return XenErrno.EINVAL;
            if (_abi is not FifoEvents)
                return XenErrno.ENOSYS;
            if (priority > EvtchnFifo.PriorityMin)
                return XenErrno.EINVAL;
            channel.Priority = (int)priority;
            return 0;
        }
    }

    /// <summary>Makes room for some more ports. False: there are as many as a domain may have.</summary>
    private bool Grow()
    {
        if (_channels.Length >= MaxPorts)
            return false;
        var grown = new EventChannel[_channels.Length + GrowBy];
        _channels.CopyTo(grown, 0);
        for (int port = _channels.Length; port < grown.Length; port++)
            grown[port] = new EventChannel((uint)port);
        Volatile.Write(ref _channels, grown);
        return true;
    }
}
