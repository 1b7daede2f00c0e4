namespace CloudPv.Hypervisor;

/// <summary>
/// How long a vCPU that has nothing to do looks out for work before its thread sleeps, as KVM's halt_poll_ns: a host thread that sleeps is woken in tens of
/// microseconds, so where waits are short the look-out pays; where they are long it ends, and an idle domain costs nothing.
/// </summary>
internal sealed class HaltPolling
{
    /// <summary>In ns. A wait that is longer than the longest window doesn't pay.</summary>
    public const ulong FirstWindow = 10_000, LongestWindow = 100_000;

    /// <summary>How long to look out next time, in ns; 0: not at all.</summary>
    public ulong Window { get; private set; }

    /// <summary>Learns from a wait that is over.</summary>
    /// <param name="waited">How long it took for work to come, in ns.</param>
    public void Learn(ulong waited)
    {
        if (waited > LongestWindow)
            Window = 0;
        else if (waited > Window)
            Window = Math.Min(Math.Max(Window * 2, FirstWindow), LongestWindow);
    }

    /// <summary>Another thread wants the processor: it is not kept for looking out.</summary>
    public void Stop() => Window = 0;
}
