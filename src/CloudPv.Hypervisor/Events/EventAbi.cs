namespace CloudPv.Hypervisor;

/// <summary>How pending events are told to the guest: the 2-level bitmaps or the FIFO queues.</summary>
internal abstract class EventAbi
{
    /// <summary>Ports that the guest's structures have room for now.</summary>
    public abstract uint PortLimit { get; }

    /// <summary>Makes a port pending, and tells its vCPU where it isn't masked. From any thread.</summary>
    /// <returns>True where it wasn't pending before.</returns>
    public abstract bool SetPending(EventChannel channel);

    public abstract void ClearPending(EventChannel channel);

    /// <summary>EVTCHNOP_unmask: a port that is pending is told anew.</summary>
    public abstract void Unmask(EventChannel channel);

    public abstract bool IsPending(EventChannel channel);

    /// <summary>Tells a vCPU that something is pending on it, once until it has seen it (vcpu_mark_events_pending).</summary>
    protected static void MarkEventsPending(Vcpu vcpu)
    {
        if (Interlocked.Exchange(ref vcpu.Info.EvtchnUpcallPending, 1) == 0)
            vcpu.Wake();
    }
}
