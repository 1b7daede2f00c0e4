using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_set_debugreg(register, value) and HYPERVISOR_get_debugreg(register).</summary>
internal static class DebugRegisterCalls
{
    public static long Set(Vcpu vcpu, in HypercallArguments arguments) => vcpu.Debug.Set((int)arguments.Arg1, arguments.Arg2, vcpu.Cr4);

    public static long Get(Vcpu vcpu, in HypercallArguments arguments) =>
        vcpu.Debug.TryGet((int)arguments.Arg1, vcpu.Cr4, out ulong value) ? (long)value : XenErrno.ENODEV;
}
