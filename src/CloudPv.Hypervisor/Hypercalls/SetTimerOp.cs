namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_set_timer_op(timeout): the single-shot timer at a system time in ns; 0 stops it.</summary>
internal static class SetTimerOp
{
    /// <summary>Beyond some 13 days a guest's arithmetic has gone wrong; Xen then fires after 100 ms.</summary>
    private const ulong Sensible = 1UL << 50;
    private const ulong Fallback = 100_000_000;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        ulong timeout = arguments.Arg1;
        ulong now = vcpu.Domain.Host.Clock.Now;
        if (timeout == 0)
            vcpu.Timers.StopSingleshot();
        else if ((long)timeout < 0 || (timeout > now && timeout - now >= Sensible))
            vcpu.Timers.SetSingleshot(now + Fallback);
        else
            vcpu.Timers.SetSingleshot(timeout);
        return 0;
    }
}
