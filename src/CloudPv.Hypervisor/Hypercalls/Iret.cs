using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_iret: pops struct iret_context off the kernel's stack and goes on there.</summary>
internal static class Iret
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        if (!vcpu.TryRead(new GuestVirtual(state.Rsp), out IretContext context))
        {
            vcpu.Domain.Crash(vcpu, "iret from a stack that can't be read");
            return 0;
        }
        if ((context.Cs & 3) == 3)
        {
            if (vcpu.UserRoot.Value == 0)
            {
                vcpu.Domain.Crash(vcpu, "iret to user mode with no user page tables");
                return 0;
            }
            vcpu.EnterUserMode();
        }
        if (vcpu.Domain.HasAssist(VmAssistType.ArchitecturalIopl))
            vcpu.Iopl = (int)(context.Rflags >> 12 & 3);

        state.Rip = context.Rip;
        state.Cs = (ushort)(context.Cs | 3);
        state.Rflags = GuestRflags.Sanitise(context.Rflags);
        state.Rsp = context.Rsp;
        state.Ss = (ushort)(context.Ss | 3);
        if ((context.Flags & IretContext.InSyscall) == 0)
        {
            state.Rcx = context.Rcx;
            state.R11 = context.R11;
        }
        else
        {
            ReturnAsSysret(ref state);
        }
        vcpu.ReturnsToUncheckedSelectors = state.Cs != FlatSelectors.Code64 || state.Ss != FlatSelectors.Stack;
        if (!vcpu.ReturnsToUncheckedSelectors && vcpu.Cpu.Mode == CpuMode.User)
            vcpu.TrustUserSelectors(state.Cs, state.Ss, vcpu.Domain.DescriptorVersion);
        vcpu.UpcallsMasked = (context.Rflags & GuestRflags.Interrupt) == 0;
        vcpu.NmiMasked = false;
        return (long)context.Rax;
    }

    /// <summary>SYSRET takes RIP and RFLAGS from RCX and R11, and the flat selectors. Xen uses IRET where RIP isn't canonical.</summary>
    private static void ReturnAsSysret(ref CpuState state)
    {
        state.Rcx = state.Rip;
        state.R11 = state.Rflags;
        if (!ModelSpecificRegisters.IsCanonical(state.Rip))
            return;
        if (state.Cs != FlatSelectors.Code32)
            state.Cs = FlatSelectors.Code64;
        state.Ss = FlatSelectors.Stack;
    }
}
