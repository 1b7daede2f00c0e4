using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The "done" counters of batched hypercalls.</summary>
internal static class GuestCounter
{
    /// <summary>Stores the number of finished requests where the guest asked for it. A bad address is no error, as in Xen.</summary>
    public static void Add(Vcpu vcpu, GuestVirtual address, uint done)
    {
        if (address.Value != 0)
            vcpu.TryWrite(address, done);
    }
}
