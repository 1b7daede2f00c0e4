namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_update_va_mapping.</summary>
internal static class UpdateVaMapping
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();

    public static long HandleOtherDomain(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();
}
