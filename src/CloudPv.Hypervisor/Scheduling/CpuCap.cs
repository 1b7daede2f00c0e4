namespace CloudPv.Hypervisor;

/// <summary>
/// The most processor time that a domain's vCPUs together may use (Xen's cap): so many ns of each period, which begin at the multiples of its length in system time.
/// What is used beyond a period's share is taken off the next ones. From any thread.
/// </summary>
/// <param name="percent">Of one processor.</param>
/// <param name="vcpus">How many vCPUs share it.</param>
internal sealed class CpuCap(int percent, int vcpus)
{
    /// <summary>In ns.</summary>
    public const ulong Period = 30_000_000;

    /// <summary>The shortest time, in ns, after which a running vCPU is asked what it used.</summary>
    private const long ShortestSlice = 250_000;

    private readonly Lock _lock = new();
    private readonly long _share = (long)Period / 100 * percent;
    private long _left;
    private ulong _period = ulong.MaxValue;

    /// <summary>Takes what a vCPU used since it was asked last.</summary>
    /// <param name="used">In ns of processor time.</param>
    /// <param name="now">System time.</param>
    /// <returns>Whether the vCPU may run, and until when (system time) it may, or else has to wait.</returns>
    public (bool MayRun, ulong Until) Charge(ulong used, ulong now)
    {
        lock (_lock)
        {
            Refill(now / Period);
            _left -= (long)used;
            if (_left > 0)
                return (true, now + (ulong)Math.Max(_left / vcpus, ShortestSlice));
            ulong periods = (ulong)(-_left / _share) + 1;
            return (false, (_period + periods) * Period);
        }
    }

    private void Refill(ulong period)
    {
        if (_period == ulong.MaxValue)
            _left = _share;
        else if (period > _period)
            _left = (long)Int128.Min(_left + (Int128)_share * (period - _period), _share);
        else
            return;
        _period = period;
    }
}
