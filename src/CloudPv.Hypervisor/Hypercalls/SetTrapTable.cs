using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_set_trap_table: the virtual IDT of the calling vCPU.</summary>
internal static class SetTrapTable
{
    /// <summary>A list without an end is not read for ever: no vector counts twice in a sensible one.</summary>
    private const int LongestList = 4096;

    public static unsafe long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        if (arguments.Arg1 == 0)
        {
            Array.Clear(vcpu.Traps);
            return 0;
        }
        for (ulong index = 0; index < LongestList; index++)
        {
            if (!vcpu.TryRead(new GuestVirtual(arguments.Arg1 + index * (ulong)sizeof(TrapInfo)), out TrapInfo trap))
                return XenErrno.EFAULT;
            if (trap.Address == 0)
                return 0;
            if (!ModelSpecificRegisters.IsCanonical(trap.Address))
                return XenErrno.EINVAL;
            vcpu.Traps[trap.Vector] = trap;
        }
        return XenErrno.E2BIG;
    }
}
