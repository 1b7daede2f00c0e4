namespace CloudPv.Hypervisor;

/// <summary>Dom0's end of an event channel to a guest's port.</summary>
internal sealed class Dom0EventChannel(EventChannels guest, EventChannel channel, Action onEvent) : IEventChannel
{
    private int _calls;

    public void Notify()
    {
        if (IsBound)
            guest.Raise(channel);
    }

    /// <summary>The guest notified. Calls that come while one runs are made up for by one more at its end.</summary>
    public void Receive()
    {
        if (!IsBound || Interlocked.Increment(ref _calls) != 1)
            return;
        int seen;
        do
        {
            seen = Volatile.Read(ref _calls);
            onEvent();
        }
        while (Interlocked.CompareExchange(ref _calls, 0, seen) != seen);
    }

    public void Dispose() => guest.CloseDom0End(this, channel);

    private bool IsBound => channel.Binding is EventBinding.Dom0 dom0 && dom0.Backend == this;
}
