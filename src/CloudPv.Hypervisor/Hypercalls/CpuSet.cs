using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Bitmaps of vCPUs in guest memory (vcpumask_to_pcpumask).</summary>
internal static class CpuSet
{
    /// <summary>Reads a bitmap of as many words as the domain's vCPUs need; bits beyond them are ignored. False: a bad address.</summary>
    public static bool TryRead(Vcpu vcpu, GuestVirtual address, Span<ulong> cpus)
    {
        if (!vcpu.TryRead(address, cpus))
            return false;
        int count = vcpu.Domain.Config.VcpuCount;
        if (count % 64 != 0)
            cpus[^1] &= (1UL << (count % 64)) - 1;
        return true;
    }
}
