using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Every hypercall of a 64-bit PV guest by its number. One that isn't here answers -ENOSYS: TMEM, XSM, Argo, and what Xen never had.</summary>
internal static unsafe class HypercallTable
{
    /// <summary>Numbers that Xen's own table has room for (NR_hypercalls).</summary>
    public const int Size = 64;

    /// <summary>How counters name a number for which there is no hypercall.</summary>
    public const string Unknown = "unknown";

    // SAFETY: the table holds the addresses of static methods only; an index is checked against Size before it is used.
    private static readonly delegate*<Vcpu, in HypercallArguments, long>[] Handlers = CreateHandlers();

    private static readonly string[] Names = CreateNames();

    /// <summary>Carries out one hypercall and returns what the guest finds in rax.</summary>
    public static long Invoke(Vcpu vcpu, ulong number, in HypercallArguments arguments)
    {
        vcpu.Counters.CountHypercall(number);
        if (number >= Size || Handlers[number] == null)
            return XenErrno.ENOSYS;
        vcpu.Cpu.Activity = (int)number;
        return Handlers[number](vcpu, arguments);
    }

    /// <summary>The name of a hypercall below <see cref="Size"/>.</summary>
    public static string Name(int number) => Names[number];

    private static delegate*<Vcpu, in HypercallArguments, long>[] CreateHandlers()
    {
        var handlers = new delegate*<Vcpu, in HypercallArguments, long>[Size];
        handlers[(int)HypercallNumber.SetTrapTable] = &SetTrapTable.Handle;
        handlers[(int)HypercallNumber.MmuUpdate] = &MmuUpdate.Handle;
        handlers[(int)HypercallNumber.SetGdt] = &SetGdt.Handle;
        handlers[(int)HypercallNumber.StackSwitch] = &StackSwitch.Handle;
        handlers[(int)HypercallNumber.SetCallbacks] = &CallbackOp.HandleSetCallbacks;
        handlers[(int)HypercallNumber.FpuTaskswitch] = &FpuTaskswitch.Handle;
        handlers[(int)HypercallNumber.SchedOpCompat] = &SchedOp.HandleCompat;
        handlers[(int)HypercallNumber.PlatformOp] = &PrivilegedCalls.PlatformOp;
        handlers[(int)HypercallNumber.SetDebugreg] = &DebugRegisterCalls.Set;
        handlers[(int)HypercallNumber.GetDebugreg] = &DebugRegisterCalls.Get;
        handlers[(int)HypercallNumber.UpdateDescriptor] = &UpdateDescriptor.Handle;
        handlers[(int)HypercallNumber.MemoryOp] = &MemoryOp.Handle;
        handlers[(int)HypercallNumber.Multicall] = &Multicall.Handle;
        handlers[(int)HypercallNumber.UpdateVaMapping] = &UpdateVaMapping.Handle;
        handlers[(int)HypercallNumber.SetTimerOp] = &SetTimerOp.Handle;
        handlers[(int)HypercallNumber.EventChannelOpCompat] = &EventChannelOp.HandleCompat;
        handlers[(int)HypercallNumber.XenVersion] = &XenVersion.Handle;
        handlers[(int)HypercallNumber.ConsoleIo] = &PrivilegedCalls.NotPermitted;
        handlers[(int)HypercallNumber.PhysdevOpCompat] = &PhysdevOp.HandleCompat;
        handlers[(int)HypercallNumber.GrantTableOp] = &GrantTableOp.Handle;
        handlers[(int)HypercallNumber.VmAssist] = &VmAssist.Handle;
        handlers[(int)HypercallNumber.UpdateVaMappingOtherdomain] = &UpdateVaMapping.HandleOtherDomain;
        handlers[(int)HypercallNumber.Iret] = &Iret.Handle;
        handlers[(int)HypercallNumber.VcpuOp] = &VcpuOp.Handle;
        handlers[(int)HypercallNumber.SetSegmentBase] = &SetSegmentBase.Handle;
        handlers[(int)HypercallNumber.MmuextOp] = &MmuextOp.Handle;
        handlers[(int)HypercallNumber.NmiOp] = &PrivilegedCalls.NmiOp;
        handlers[(int)HypercallNumber.SchedOp] = &SchedOp.Handle;
        handlers[(int)HypercallNumber.CallbackOp] = &CallbackOp.Handle;
        handlers[(int)HypercallNumber.EventChannelOp] = &EventChannelOp.Handle;
        handlers[(int)HypercallNumber.PhysdevOp] = &PhysdevOp.Handle;
        handlers[(int)HypercallNumber.Sysctl] = &PrivilegedCalls.Sysctl;
        handlers[(int)HypercallNumber.Domctl] = &PrivilegedCalls.Domctl;
        handlers[(int)HypercallNumber.KexecOp] = &PrivilegedCalls.NotPermitted;
        handlers[(int)HypercallNumber.XenpmuOp] = &PrivilegedCalls.NotSupported;
        handlers[(int)HypercallNumber.XenoprofOp] = &PrivilegedCalls.NoDevice;
        handlers[(int)HypercallNumber.HvmOp] = &PrivilegedCalls.HvmOp;
        handlers[(int)HypercallNumber.DmOp] = &PrivilegedCalls.DmOp;
        handlers[(int)HypercallNumber.HypfsOp] = &PrivilegedCalls.NotPermitted;
        handlers[(int)HypercallNumber.Mca] = &PrivilegedCalls.NotPermitted;
        handlers[(int)HypercallNumber.PagingDomctlCont] = &PrivilegedCalls.NotSupported;
        return handlers;
    }

    private static string[] CreateNames()
    {
        var names = new string[Size];
        for (int number = 0; number < Size; number++)
            names[number] = Enum.IsDefined((HypercallNumber)number) ? ((HypercallNumber)number).ToString() : Unknown;
        return names;
    }
}
