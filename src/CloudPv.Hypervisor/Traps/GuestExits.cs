using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What guest code needed Xen for.</summary>
internal static class GuestExits
{
    private const uint PageFaultPresent = 1 << 0;
    private const uint PageFaultWrite = 1 << 1;
    private const uint ErrorCodeIdt = 1 << 1;

    public static void Handle(Vcpu vcpu, in CpuExit exit)
    {
        vcpu.Counters.CountExit(exit);
        vcpu.Cpu.Activity = VcpuActivity.Of(exit);
        switch (exit.Kind)
        {
            case CpuExitKind.Kicked:
                vcpu.Timers.Expire();
                break;
            case CpuExitKind.Syscall:
                HandleSyscall(vcpu);
                break;
            case CpuExitKind.Cpuid:
                CpuidPolicy.Answer(vcpu, isForced: false);
                vcpu.Cpu.State.Rip += 2;
                TrapDelivery.EndInstruction(vcpu);
                break;
            case CpuExitKind.SoftwareInterrupt:
                HandleSoftwareInterrupt(vcpu, exit.Vector);
                break;
            case CpuExitKind.Exception:
                HandleException(vcpu, exit);
                break;
            default:
                throw new InvalidOperationException($"exit {exit.Kind}");
        }
    }

    /// <summary>SYSCALL: a hypercall from the guest's kernel, a system call from its user programs.</summary>
    private static void HandleSyscall(Vcpu vcpu)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        state.Rcx = state.Rip;
        state.R11 = state.Rflags;
        if (vcpu.Cpu.Mode == CpuMode.Kernel)
        {
            var arguments = new HypercallArguments(state.Rdi, state.Rsi, state.Rdx, state.R10, state.R8, state.R9);
            long result = HypercallTable.Invoke(vcpu, state.Rax, arguments);
            vcpu.Cpu.State.Rax = (ulong)result;
        }
        else if (vcpu.SyscallCallback.Address != 0)
        {
            state.Cs = FlatSelectors.Code64;
            state.Ss = FlatSelectors.Stack;
            TrapDelivery.EnterCallback(vcpu, vcpu.SyscallCallback);
            // The PV ABI's fixed SYSCALL_MASK. The frame has the flag as it was.
            state.Rflags &= ~GuestRflags.Direction;
            state.R11 = state.Rflags;
            vcpu.OpenSystemCallGate();
        }
        else
        {
            state.Rip -= 2;
            TrapDelivery.InjectException(vcpu, ExceptionVector.InvalidOpcode);
        }
    }

    private static void HandleSoftwareInterrupt(Vcpu vcpu, byte vector)
    {
        ref readonly TrapInfo handler = ref vcpu.Traps[vector];
        // INT3, INTO and ICEBP have gates of their own in Xen, open to everyone.
        bool permitted = vector is ExceptionVector.Debug or ExceptionVector.Breakpoint or ExceptionVector.Overflow
            || handler.Dpl >= (vcpu.Cpu.Mode == CpuMode.Kernel ? 1 : 3);
        if (permitted)
        {
            TrapDelivery.InjectSoftwareInterrupt(vcpu, vector);
            return;
        }
        vcpu.Cpu.State.Rip -= 2;
        TrapDelivery.InjectException(vcpu, ExceptionVector.GeneralProtection, ((uint)vector << 3) | ErrorCodeIdt);
    }

    private static void HandleException(Vcpu vcpu, in CpuExit exit)
    {
        switch (exit.Vector)
        {
            case ExceptionVector.PageFault:
                HandlePageFault(vcpu, exit);
                return;
            case ExceptionVector.GeneralProtection when exit.ErrorCode == 0 && PrivilegedInstructions.TryEmulate(vcpu):
            case ExceptionVector.InvalidOpcode when ForcedCpuid.TryEmulate(vcpu):
                return;
            case ExceptionVector.DeviceNotAvailable:
                vcpu.TaskSwitched = false;
                break;
            case ExceptionVector.Debug:
                vcpu.Debug.Raise(exit.ErrorCode);
                break;
        }
        TrapDelivery.InjectException(vcpu, exit.Vector, exit.ErrorCode);
    }

    private static void HandlePageFault(Vcpu vcpu, in CpuExit exit)
    {
        bool mayBePageTableStore = (exit.ErrorCode & (PageFaultPresent | PageFaultWrite)) == (PageFaultPresent | PageFaultWrite)
            && vcpu.Cpu.Mode == CpuMode.Kernel && vcpu.Domain.HasAssist(VmAssistType.WritablePagetables);
        CpuExit? raised = null;
        if (mayBePageTableStore && vcpu.Domain.Memory.TryEmulateStore(vcpu, exit, out raised) && raised is null)
        {
            TrapDelivery.EndInstruction(vcpu);
            return;
        }
        CpuExit fault = raised ?? exit;
        if (fault.Vector == ExceptionVector.PageFault)
            TrapDelivery.InjectPageFault(vcpu, fault.FaultAddress, fault.ErrorCode);
        else
            TrapDelivery.InjectException(vcpu, fault.Vector, fault.ErrorCode);
    }
}
