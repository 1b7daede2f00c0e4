using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_multicall(list, count): each entry's own result is stored in it; the multicall itself fails only where its list can't be used.</summary>
internal static unsafe class Multicall
{
    /// <summary>struct multicall_entry: xen/include/public/xen.h.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Entry
    {
        [FieldOffset(0)] public ulong Op;
        [FieldOffset(ResultOffset)] public long Result;
        [FieldOffset(16)] public ulong Arg1;
        [FieldOffset(24)] public ulong Arg2;
        [FieldOffset(32)] public ulong Arg3;
        [FieldOffset(40)] public ulong Arg4;
        [FieldOffset(48)] public ulong Arg5;
        [FieldOffset(56)] public ulong Arg6;

        public const int ResultOffset = 8;
    }

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        uint count = (uint)arguments.Arg2;
        ulong address = arguments.Arg1;
        for (uint index = 0; index < count; index++, address += (ulong)sizeof(Entry))
        {
            if (!vcpu.TryRead(new GuestVirtual(address), out Entry entry))
                return XenErrno.EFAULT;
            // Multicalls don't nest.
            long result = entry.Op == (ulong)HypercallNumber.Multicall
                ? XenErrno.EINVAL
                : HypercallTable.Invoke(vcpu, entry.Op, new HypercallArguments(entry.Arg1, entry.Arg2, entry.Arg3, entry.Arg4, entry.Arg5, entry.Arg6));
            // The list stands in the kernel's address space, which an iret may have left: what follows it isn't run then, its result is rax.
            if (entry.Op == (ulong)HypercallNumber.Iret || vcpu.Cpu.Mode == CpuMode.User)
                return result;
            if (!vcpu.TryWrite(new GuestVirtual(address + Entry.ResultOffset), result))
                return XenErrno.EFAULT;
        }
        return 0;
    }
}
