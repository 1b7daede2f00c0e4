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

    /// <summary>How often, in ns, it is looked at whether processors are scarce: whether the thread had to wait for one for a fiftieth of the time.</summary>
    public const ulong Interval = 10_000_000;

    /// <summary>How long, in ns, the look-out stops at most where they are: for twice as long each time that they are found scarce.</summary>
    public const ulong LongestPause = 64 * Interval;

    private const ulong TolerablePart = 50;

    private ulong _window;
    private ulong _delayed;
    private ulong _lookedAt;
    private ulong _looksAt;
    private ulong _pause = Interval / 2;
    private bool _isScarce;

    /// <summary>How long to look out this time, in ns; 0: not at all.</summary>
    /// <param name="now">System time.</param>
    public ulong Window(ulong now)
    {
        if (_window == 0)
            return 0;
        if (now >= _looksAt)
            LookForScarcity(now);
        return _isScarce ? 0 : _window;
    }

    private void LookForScarcity(ulong now)
    {
        ulong delayed = runDelay();
        bool wasScarce = _isScarce;
        _isScarce = delayed - _delayed > (now - _lookedAt) / TolerablePart;
        (_delayed, _lookedAt) = (delayed, now);
        if (_isScarce)
            _pause = Math.Min(_pause * 2, LongestPause);
        else if (!wasScarce)
            _pause = Math.Max(_pause / 2, Interval / 2);
        _looksAt = now + (_isScarce ? _pause : Interval);
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
