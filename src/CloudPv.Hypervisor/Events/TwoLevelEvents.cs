using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The 2-level ABI: a pending and a mask bit per port in shared_info, a selector bit per 64 ports in vcpu_info.</summary>
internal sealed class TwoLevelEvents(Domain domain) : EventAbi
{
    private const int BitsPerWord = 64;

    public override uint PortLimit => SharedInfo.EventWords * BitsPerWord;

    public override bool SetPending(EventChannel channel)
    {
        ulong bit = Bit(channel);
        if ((Interlocked.Or(ref Pending(channel), bit) & bit) != 0)
            return false;
        if ((Volatile.Read(ref Mask(channel)) & bit) == 0)
            Select(channel);
        return true;
    }

    public override void ClearPending(EventChannel channel) => Interlocked.And(ref Pending(channel), ~Bit(channel));

    public override void Unmask(EventChannel channel)
    {
        ulong bit = Bit(channel);
        if ((Interlocked.And(ref Mask(channel), ~bit) & bit) != 0 && IsPending(channel))
            Select(channel);
    }

    public override bool IsPending(EventChannel channel) => (Volatile.Read(ref Pending(channel)) & Bit(channel)) != 0;

    private void Select(EventChannel channel)
    {
        Vcpu vcpu = domain.Vcpus[channel.NotifyVcpu];
        ulong selector = 1UL << (int)(channel.Port / BitsPerWord);
        if ((Interlocked.Or(ref vcpu.Info.EvtchnPendingSel, selector) & selector) == 0)
            MarkEventsPending(vcpu);
    }

    private static ulong Bit(EventChannel channel) => 1UL << (int)(channel.Port % BitsPerWord);

    private ref ulong Pending(EventChannel channel) => ref domain.SharedInfo.EvtchnPending[(int)(channel.Port / BitsPerWord)];

    private ref ulong Mask(EventChannel channel) => ref domain.SharedInfo.EvtchnMask[(int)(channel.Port / BitsPerWord)];
}
