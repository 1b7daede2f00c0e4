using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_vm_assist(command, type): xen/include/public/xen.h.</summary>
internal static class VmAssist
{
    /// <summary>Those that Xen offers a 64-bit PV guest (arch_vm_assist_valid_mask).</summary>
    private const ulong Valid = 1UL << (int)VmAssistType.FourGbSegments
        | 1UL << (int)VmAssistType.FourGbSegmentsNotify
        | 1UL << (int)VmAssistType.WritablePagetables
        | 1UL << (int)VmAssistType.PaeExtendedCr3
        | 1UL << (int)VmAssistType.ArchitecturalIopl
        | 1UL << (int)VmAssistType.RunstateUpdateFlag
        | 1UL << (int)VmAssistType.M2pStrict;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        uint type = (uint)arguments.Arg2;
        if (type >= 64 || (Valid >> (int)type & 1) == 0)
            return XenErrno.EINVAL;
        switch ((VmAssistCommand)arguments.Arg1)
        {
            case VmAssistCommand.Enable:
                vcpu.Domain.SetAssist((VmAssistType)type, enabled: true);
                return 0;
            case VmAssistCommand.Disable:
                vcpu.Domain.SetAssist((VmAssistType)type, enabled: false);
                return 0;
            default:
                return XenErrno.ENOSYS;
        }
    }
}
