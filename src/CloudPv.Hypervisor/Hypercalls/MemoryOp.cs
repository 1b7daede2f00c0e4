namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_memory_op.</summary>
internal static class MemoryOp
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => throw new NotImplementedException();
}
