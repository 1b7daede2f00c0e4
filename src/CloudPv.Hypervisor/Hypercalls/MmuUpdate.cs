namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_mmu_update.</summary>
internal static class MmuUpdate
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();
}
