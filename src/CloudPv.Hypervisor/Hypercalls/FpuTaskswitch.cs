namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_fpu_taskswitch(set): CR0.TS.</summary>
internal static class FpuTaskswitch
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        vcpu.TaskSwitched = (uint)arguments.Arg1 != 0;
        return 0;
    }
}
