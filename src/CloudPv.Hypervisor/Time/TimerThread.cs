namespace CloudPv.Hypervisor;

/// <summary>
/// Interrupts vCPUs that run guest code when their timers expire. A vCPU that is blocked waits for its own timers, so an idle domain has nothing running here:
/// the thread sleeps until the earliest deadline that was armed.
/// </summary>
internal sealed class TimerThread : IDisposable
{
    private readonly Domain _domain;
    private readonly Parker _parker = new();
    private readonly Thread _thread;
    private ulong _sleepsUntil;
    private volatile bool _stop;

    public TimerThread(Domain domain)
    {
        _domain = domain;
        _thread = new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = $"{domain.Id} timers" };
    }

    public void Start() => _thread.Start();

    /// <summary>Sees to it that the thread is awake at <paramref name="deadline"/> (system time). Costs nothing where it already sleeps no longer than that.</summary>
    public void Arm(ulong deadline)
    {
        // The deadline itself was stored before this fence; the thread stores _sleepsUntil before it reads deadlines. One of the two sees the other.
        Interlocked.MemoryBarrier();
        if (deadline < Volatile.Read(ref _sleepsUntil))
            _parker.Set();
    }

    private void Run()
    {
        while (!_stop)
        {
            // Whoever arms while deadlines are being collected must wake us.
            Volatile.Write(ref _sleepsUntil, VcpuTimers.Never);
            Interlocked.MemoryBarrier();

            ulong now = _domain.Host.Clock.Now;
            ulong next = VcpuTimers.Never;
            foreach (Vcpu vcpu in _domain.Vcpus)
            {
                if (vcpu.WaitsForItsTimers)
                    continue;
                vcpu.Timers.Expire(now);
                next = Math.Min(next, vcpu.Timers.Next);
            }
            _domain.Watchdogs.Expire(now);
            next = Math.Min(next, _domain.Watchdogs.Next);

            Volatile.Write(ref _sleepsUntil, next);
            _parker.Wait(next == VcpuTimers.Never ? Parker.Forever : Math.Max(next, now) - now);
        }
    }

    public void Dispose()
    {
        _stop = true;
        _parker.Set();
        if (_thread.IsAlive)
            _thread.Join();
        _parker.Dispose();
    }
}
