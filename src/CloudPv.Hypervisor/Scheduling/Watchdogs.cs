using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The domain's two watchdog timers (SCHEDOP_watchdog). One that isn't renewed in time shuts the domain down.</summary>
internal sealed class Watchdogs(Domain domain)
{
    /// <summary>NR_DOMAIN_WATCHDOG_TIMERS.</summary>
    private const int Count = 2;

    private readonly Lock _lock = new();
    private readonly ulong[] _deadlines = [VcpuTimers.Never, VcpuTimers.Never];
    private readonly bool[] _inUse = new bool[Count];
    private ulong _next = VcpuTimers.Never;

    /// <summary>The earliest deadline, in system time.</summary>
    public ulong Next => Volatile.Read(ref _next);

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
        _deadlines[index] = seconds == 0 ? VcpuTimers.Never : domain.Host.Clock.Now + seconds * 1_000_000_000UL;
        Volatile.Write(ref _next, _deadlines.Min());
        domain.Timers.Arm(_next);
    }

    /// <summary>Shuts the domain down where a deadline has passed.</summary>
    public void Expire(ulong now)
    {
        if (Next > now)
            return;
        Volatile.Write(ref _next, VcpuTimers.Never);
        domain.Halt(ShutdownReason.Watchdog);
    }
}
