using System.Runtime.InteropServices;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_set_gdt.</summary>
internal static class SetGdt
{
    /// <summary>Arg1: the machine frames of the table's pages; Arg2: its number of entries.</summary>
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        uint entries = (uint)arguments.Arg2;
        if (entries > DescriptorTables.GuestEntries)
            return XenErrno.EINVAL;
        Span<Mfn> frames = stackalloc Mfn[DescriptorTables.PagesFor((int)entries)];
        if (!vcpu.TryRead(new(arguments.Arg1), MemoryMarshal.Cast<Mfn, ulong>(frames)))
            return XenErrno.EFAULT;
        return vcpu.Descriptors.SetGdt(frames, (int)entries);
    }
}
