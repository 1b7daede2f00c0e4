using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A vCPU's timers, each of which raises VIRQ_TIMER: the single-shot timer (VCPUOP_set_singleshot_timer, and set_timer_op, which shares it) and the periodic one.</summary>
internal sealed class VcpuTimers(Vcpu vcpu)
{
    /// <summary>No deadline.</summary>
    public const ulong Never = ulong.MaxValue;

    private ulong _singleshot = Never;
    private ulong _periodicNext = Never;
    private ulong _period;

    /// <summary>The earlier of the two deadlines, in system time.</summary>
    public ulong Next => Math.Min(Volatile.Read(ref _singleshot), Volatile.Read(ref _periodicNext));

    public void SetSingleshot(ulong deadline)
    {
        Volatile.Write(ref _singleshot, deadline);
        vcpu.Domain.Timers.Arm(deadline);
    }

    public void StopSingleshot() => Volatile.Write(ref _singleshot, Never);

    public void SetPeriodic(ulong period)
    {
        Volatile.Write(ref _period, period);
        ulong next = vcpu.Domain.Host.Clock.Now + period;
        Volatile.Write(ref _periodicNext, next);
        vcpu.Domain.Timers.Arm(next);
    }

    public void StopPeriodic() => Volatile.Write(ref _periodicNext, Never);

    /// <summary>Raises VIRQ_TIMER where a deadline has passed. From any thread; of two that see the same deadline, one raises it.</summary>
    public void Expire(ulong now)
    {
        ulong singleshot = Volatile.Read(ref _singleshot);
        if (singleshot <= now && Interlocked.CompareExchange(ref _singleshot, Never, singleshot) == singleshot)
            vcpu.Domain.Events.RaiseVirq(vcpu, Virq.Timer);

        ulong periodic = Volatile.Read(ref _periodicNext);
        if (periodic > now)
            return;
        // Ticks that were missed are not made up for, as in Xen.
        ulong next = now + Volatile.Read(ref _period);
        if (Interlocked.CompareExchange(ref _periodicNext, next, periodic) == periodic)
            vcpu.Domain.Events.RaiseVirq(vcpu, Virq.Timer);
    }
}
