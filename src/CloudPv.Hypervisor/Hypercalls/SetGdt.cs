namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_set_gdt.</summary>
internal static class SetGdt
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();
}
