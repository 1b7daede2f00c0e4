using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_set_segment_base(which, base): xen/include/public/arch-x86/xen-x86_64.h.</summary>
internal static class SetSegmentBase
{
    private const uint Fs = 0;
    private const uint GsUser = 1;
    private const uint GsKernel = 2;
    private const uint GsUserSelector = 3;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        ulong address = arguments.Arg2;
        if ((uint)arguments.Arg1 is Fs or GsUser or GsKernel && !ModelSpecificRegisters.IsCanonical(address))
            return XenErrno.EINVAL;
        ref CpuState state = ref vcpu.Cpu.State;
        switch ((uint)arguments.Arg1)
        {
            case Fs:
                state.FsBase = address;
                return 0;
            case GsUser:
                vcpu.OtherGsBase = address;
                return 0;
            case GsKernel:
                state.GsBase = address;
                return 0;
            case GsUserSelector:
                LoadUserGs(vcpu, (ushort)address);
                return 0;
            default:
                return XenErrno.EINVAL;
        }
    }

    /// <summary>Loads GS for user mode from the descriptor tables. A selector that can't be loaded becomes null; the call succeeds all the same.</summary>
    private static void LoadUserGs(Vcpu vcpu, ushort selector)
    {
        if (selector > 3)
            selector |= 3;
        bool isNull = SegmentDescriptor.IsNull(selector);
        ulong descriptor = 0;
        if (!isNull && (!vcpu.Descriptors.TryRead(selector, out descriptor) || !SegmentDescriptor.IsLoadableData(descriptor)))
            (selector, isNull) = (0, true);
        vcpu.Cpu.State.Gs = selector;
        vcpu.OtherGsBase = isNull ? 0 : Base(descriptor);
    }

    private static ulong Base(ulong descriptor) => (descriptor >> 16 & 0xff_ffff) | (descriptor >> 32 & 0xff00_0000);
}
