namespace CloudPv.Hypervisor;

/// <summary>What one vCPU's thread has used of its domain's cap, and whether it may go on. Only on that thread.</summary>
/// <param name="cap">Null: there is none.</param>
internal sealed class VcpuCredit(CpuCap? cap)
{
    private ulong _charged;

    /// <summary>When the vCPU is to be charged next, in system time.</summary>
    public ulong ChargeAt { get; private set; } = VcpuTimers.Never;

    /// <summary>The cap is used up: the vCPU must not run guest code before <see cref="ChargeAt"/>.</summary>
    public bool IsSpent { get; private set; }

    public void Start(ulong now)
    {
        if (cap is null)
            return;
        _charged = HostThread.CpuTime();
        ChargeAt = now;
    }

    /// <summary>Charges the vCPU where it is time to.</summary>
    public void Charge(ulong now)
    {
        if (ChargeAt > now)
            return;
        ulong used = HostThread.CpuTime();
        (bool mayRun, ChargeAt) = cap!.Charge(used - _charged, now);
        _charged = used;
        IsSpent = !mayRun;
    }
}
