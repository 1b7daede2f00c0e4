namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_update_descriptor.</summary>
internal static class UpdateDescriptor
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();
}
