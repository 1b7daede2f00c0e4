namespace CloudPv.Hypervisor;

/// <summary>What waits for a vCPU before it runs guest code again: an NMI, then the event upcall where it isn't masked; then the return itself may fail.</summary>
internal static class PendingTraps
{
    public static void Deliver(Vcpu vcpu)
    {
        if (vcpu.HasSegmentsToLoad)
            GuestReturn.LoadSegments(vcpu);
        if (vcpu.NmiPending)
            DeliverNmi(vcpu);
        if (vcpu.UpcallDeliverable)
        {
            vcpu.Cpu.Activity = VcpuActivity.Upcall;
            TrapDelivery.EnterCallback(vcpu, vcpu.EventCallback);
        }

        if (vcpu.ReturnsToUncheckedSelectors)
            GuestReturn.CheckSelectors(vcpu);
    }

    /// <summary>NMIs nest only after the guest has returned from one by HYPERVISOR_iret.</summary>
    private static void DeliverNmi(Vcpu vcpu)
    {
        if (vcpu.NmiMasked || vcpu.Traps[ExceptionVector.Nmi].Address == 0)
            return;
        vcpu.NmiPending = false;
        vcpu.NmiMasked = true;
        TrapDelivery.InjectException(vcpu, ExceptionVector.Nmi);
    }
}
