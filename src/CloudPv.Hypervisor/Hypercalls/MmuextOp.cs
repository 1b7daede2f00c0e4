namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_mmuext_op.</summary>
internal static class MmuextOp
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();
}
