using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The domain's two watchdog timers (SCHEDOP_watchdog). One that isn't renewed in time shuts the domain down.</summary>
internal sealed class Watchdogs : IDisposable
{
    /// <summary>NR_DOMAIN_WATCHDOG_TIMERS.</summary>
    private const int Count = 2;

    private const ulong Millisecond = 1_000_000;

    private readonly Domain _domain;
    private readonly Lock _lock = new();
    private readonly ulong[] _deadlines = [VcpuTimers.Never, VcpuTimers.Never];
    private readonly bool[] _inUse = new bool[Count];
    private readonly Timer _timer;

    public Watchdogs(Domain domain)
    {
        _domain = domain;
        _timer = new Timer(static watchdogs => ((Watchdogs)watchdogs!).Expire(), this, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>Id 0 takes a free timer and returns its id, counted from 1; another id renews it, or stops it where the timeout is 0. That none is free
    /// is told in 32 bits, as Xen does.</summary>
    /// <param name="seconds">Time until it fires.</param>
    public long Set(uint id, uint seconds)
    {
        lock (_lock)
        {
            if (id > Count)
                return XenErrno.EINVAL;
            if (id == 0)
                return Allocate(seconds);
            if (!_inUse[id - 1])
                return XenErrno.EINVAL;

            _inUse[id - 1] = seconds != 0;
            SetDeadline((int)id - 1, seconds);
            return 0;
        }
    }

    private long Allocate(uint seconds)
    {
        int free = Array.IndexOf(_inUse, false);
        if (free < 0)
            return unchecked((uint)XenErrno.ENOSPC);
        _inUse[free] = true;
        SetDeadline(free, seconds);
        return free + 1;
    }

    private void SetDeadline(int index, uint seconds)
    {
        _deadlines[index] = seconds == 0 ? VcpuTimers.Never : _domain.Host.Clock.Now + seconds * 1_000_000_000UL;
        Schedule();
    }

    /// <summary>Sets the host's timer to the earliest deadline.</summary>
    private void Schedule()
    {
        ulong next = _deadlines.Min();
        ulong now = _domain.Host.Clock.Now;
        ulong milliseconds = next > now ? (next - now + Millisecond - 1) / Millisecond : 0;
        // What lies beyond the timer's reach of 49 days is looked at again then.
        _timer.Change(next == VcpuTimers.Never ? Timeout.Infinite : (long)Math.Min(milliseconds, uint.MaxValue - 1), Timeout.Infinite);
    }

    /// <summary>Shuts the domain down where a deadline has passed.</summary>
    private void Expire()
    {
        lock (_lock)
        {
            if (_deadlines.Min() > _domain.Host.Clock.Now)
            {
                Schedule();
                return;
            }
        }
        _domain.Halt(ShutdownReason.Watchdog);
    }

    public void Dispose() => _timer.Dispose();
}
