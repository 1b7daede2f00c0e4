namespace CloudPv.Hypervisor;

/// <summary>The vCPUs of a domain that wait in SCHEDOP_poll, and for which port.</summary>
internal sealed class EventPolls(Domain domain)
{
    /// <summary>More than one port is polled: any event answers.</summary>
    public const uint AnyPort = uint.MaxValue;

    private const uint None = 0;

    private readonly uint[] _ports = new uint[domain.Vcpus.Length];
    private int _count;

    /// <summary>From here on an event of the port wakes the vCPU.</summary>
    public void Begin(Vcpu vcpu, uint port)
    {
        Volatile.Write(ref _ports[vcpu.Id], port);
        Interlocked.Increment(ref _count);
    }

    public void End(Vcpu vcpu)
    {
        if (_ports[vcpu.Id] == None)
            return;
        Volatile.Write(ref _ports[vcpu.Id], None);
        Interlocked.Decrement(ref _count);
    }

    /// <summary>Wakes the vCPUs that poll a port which became pending. From any thread.</summary>
    public void Answer(uint port)
    {
        if (Volatile.Read(ref _count) == 0)
            return;
        foreach (Vcpu vcpu in domain.Vcpus)
        {
            uint polled = Volatile.Read(ref _ports[vcpu.Id]);
            if (polled == port || polled == AnyPort)
                vcpu.Wake();
        }
    }
}
