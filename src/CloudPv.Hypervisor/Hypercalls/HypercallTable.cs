using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Every hypercall of a 64-bit PV guest by its number, one static class each.</summary>
internal static unsafe class HypercallTable
{
    /// <summary>Numbers that the hypercall page and Xen's own table have room for (NR_hypercalls).</summary>
    public const int Size = 64;

    // SAFETY: the table holds the addresses of static methods only; an index is checked against Size before it is used.
    private static readonly delegate*<Vcpu, in HypercallArguments, long>[] Handlers = CreateHandlers();

    /// <summary>Carries out one hypercall and returns what the guest finds in rax.</summary>
    public static long Invoke(Vcpu vcpu, ulong number, in HypercallArguments arguments)
    {
        vcpu.Counters.CountHypercall(number);
        if (number >= Size || Handlers[number] == null)
            return XenErrno.ENOSYS;
        return Handlers[number](vcpu, arguments);
    }

    private static delegate*<Vcpu, in HypercallArguments, long>[] CreateHandlers()
    {
        var handlers = new delegate*<Vcpu, in HypercallArguments, long>[Size];
        handlers[(int)HypercallNumber.MmuUpdate] = &MmuUpdate.Handle;
        handlers[(int)HypercallNumber.SetGdt] = &SetGdt.Handle;
        handlers[(int)HypercallNumber.UpdateDescriptor] = &UpdateDescriptor.Handle;
        handlers[(int)HypercallNumber.MemoryOp] = &MemoryOp.Handle;
        handlers[(int)HypercallNumber.UpdateVaMapping] = &UpdateVaMapping.Handle;
        handlers[(int)HypercallNumber.UpdateVaMappingOtherdomain] = &UpdateVaMapping.HandleOtherDomain;
        handlers[(int)HypercallNumber.MmuextOp] = &MmuextOp.Handle;
        return handlers;
    }
}
