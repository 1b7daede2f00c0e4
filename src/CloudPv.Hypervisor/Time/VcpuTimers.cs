using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// A vCPU's timers, each of which raises VIRQ_TIMER: the single-shot timer (VCPUOP_set_singleshot_timer, and set_timer_op, which shares it) and the periodic one.
/// The vCPU's thread sees to them itself: it sleeps no longer than until the next deadline, and an alarm gets it out of guest code.
/// </summary>
internal sealed class VcpuTimers(Vcpu vcpu)
{
    /// <summary>No deadline.</summary>
    public const ulong Never = ulong.MaxValue;

    private ulong _singleshot = Never;
    private ulong _periodicNext = Never;
    private ulong _period;
    private CpuAlarm? _alarm;

    /// <summary>When the alarm rings. A later deadline lets it be: most are moved on before they are due.</summary>
    private ulong _alarmAt = Never;

    /// <summary>The earlier of the two deadlines, in system time.</summary>
    public ulong Next => Math.Min(Volatile.Read(ref _singleshot), Volatile.Read(ref _periodicNext));

    /// <summary>On the vCPU's thread, before it does anything else.</summary>
    public void Start()
    {
        _alarm = vcpu.CreateAlarm();
        Expire();
    }

    /// <summary>On the vCPU's thread, as the last thing, also where it could not start.</summary>
    public void Stop() => _alarm?.Dispose();

    /// <summary>Only on the vCPU's thread.</summary>
    public void SetSingleshot(ulong deadline)
    {
        _singleshot = deadline;
        if (deadline < _alarmAt)
            Expire();
    }

    /// <summary>Only on the vCPU's thread.</summary>
    public void StopSingleshot() => _singleshot = Never;

    /// <summary>From any thread.</summary>
    public void SetPeriodic(ulong period)
    {
        Volatile.Write(ref _period, period);
        Volatile.Write(ref _periodicNext, vcpu.Domain.Host.Clock.Now + period);
        if (vcpu.IsCurrent)
            Expire();
        else
            vcpu.Interrupt();
    }

    public void StopPeriodic() => Volatile.Write(ref _periodicNext, Never);

    /// <summary>Raises VIRQ_TIMER where a deadline has passed, charges the vCPU's time where that is due, and sets the alarm to what comes next. Only on the vCPU's thread.</summary>
    public void Expire()
    {
        ulong now = vcpu.Domain.Host.Clock.Now;
        if (_singleshot <= now)
        {
            _singleshot = Never;
            vcpu.Domain.Events.RaiseVirq(vcpu, Virq.Timer);
        }

        ulong periodic = Volatile.Read(ref _periodicNext);
        // Ticks that were missed are not made up for, as in Xen. Another vCPU may set or stop the timer meanwhile.
        if (periodic <= now && Interlocked.CompareExchange(ref _periodicNext, now + Volatile.Read(ref _period), periodic) == periodic)
            vcpu.Domain.Events.RaiseVirq(vcpu, Virq.Timer);

        vcpu.Credit.Charge(now);
        if (_alarm!.TakeRing())
            _alarmAt = Never;
        ulong next = Math.Min(Next, vcpu.Credit.ChargeAt);
        if (next < _alarmAt)
            SetAlarm(next, now);
    }

    /// <summary>
    /// Makes the alarm ring at a time and, but for a deadline that others set meanwhile, not before: a thread that sleeps is woken by nothing else. Only on the vCPU's thread.
    /// </summary>
    /// <param name="time">System time; <see cref="Never"/>: it may ring once more where it is set.</param>
    public void RingAt(ulong time, ulong now)
    {
        if (time != _alarmAt && time != Never)
            SetAlarm(time, now);
    }

    private void SetAlarm(ulong time, ulong now)
    {
        _alarmAt = time;
        _alarm!.Set(Math.Max(time, now + 1) - now);
    }
}
