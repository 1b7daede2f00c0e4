using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_stack_switch(ss, rsp): the kernel stack that traps out of user mode start on.</summary>
internal static class StackSwitch
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        vcpu.KernelStackSelector = (ushort)(arguments.Arg1 | 3);
        vcpu.KernelStack = new GuestVirtual(arguments.Arg2);
        return 0;
    }
}
