namespace CloudPv.Hypervisor;

/// <summary>
/// How long a vCPU that has nothing to do looks out for work before its thread sleeps, as KVM's halt_poll_ns: a host thread that sleeps is woken in tens of
/// microseconds, so where waits are short the look-out pays; where they are long it ends, and an idle domain costs nothing. Nor does it look out where host threads
/// wait for processors: then the time is another's.
/// </summary>
/// <param name="runDelay">How long the vCPU's thread has waited for a processor so far, in ns.</param>
internal sealed class HaltPolling(Func<ulong> runDelay)
{
    /// <summary>In ns. A wait that is longer than the longest window doesn't pay.</summary>
    public const ulong FirstWindow = 10_000, LongestWindow = 100_000;

    /// <summary>How often, in ns, it is looked at whether processors are scarce, and the part of that time that the thread may have waited for one.</summary>
    public const ulong Interval = 10_000_000, TolerableDelay = Interval / 50;

    private ulong _window;
    private ulong _delayed;
    private ulong _lookedAt;
    private bool _isScarce = true;

    /// <summary>How long to look out this time, in ns; 0: not at all.</summary>
    /// <param name="now">System time.</param>
    public ulong Window(ulong now)
    {
        if (_window == 0)
            return 0;
        if (now - _lookedAt >= Interval)
        {
            ulong delayed = runDelay();
            // After a long time without a look there is nothing to compare with.
            _isScarce = now - _lookedAt >= 10 * Interval || delayed - _delayed > TolerableDelay;
            (_delayed, _lookedAt) = (delayed, now);
        }
        return _isScarce ? 0 : _window;
    }

    /// <summary>Learns from a wait that is over.</summary>
    /// <param name="waited">How long it took for work to come, in ns.</param>
    public void Learn(ulong waited)
    {
        if (waited > LongestWindow)
            _window = 0;
        else if (waited > _window)
            _window = Math.Min(Math.Max(_window * 2, FirstWindow), LongestWindow);
    }
}
