using CloudPv.X86;
using CloudPv.Xen;
using Iced.Intel;

namespace CloudPv.Hypervisor;

/// <summary>
/// The privileged instructions that Xen carries out for a PV guest's kernel after their #GP (pv_emulate_privileged_op): control and debug registers, XCR0, MSRs, CLTS, WBINVD,
/// port I/O. All others stay #GP, HLT, INVLPG and SWAPGS among them.
/// </summary>
internal static class PrivilegedInstructions
{
    /// <summary>False: not one of them, not allowed, or it fails as on a real CPU; the guest gets its #GP.</summary>
    public static bool TryEmulate(Vcpu vcpu)
    {
        if (!vcpu.Instruction.TryDecode(vcpu, out Instruction instruction))
            return false;
        ref CpuState state = ref vcpu.Cpu.State;
        bool kernel = vcpu.Cpu.Mode == CpuMode.Kernel;
        bool done = instruction.Mnemonic switch
        {
            Mnemonic.In => PortIo.TryIn(vcpu, instruction),
            Mnemonic.Out => PortIo.IsAllowed(vcpu, PortIo.Port(vcpu, instruction), PortIo.Width(instruction)),
            Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd => PortIo.TryInString(vcpu, instruction),
            Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd => PortIo.TryOutString(vcpu, instruction),
            // Not carried out on purpose: a POPF that sets IF again can't be seen.
            Mnemonic.Cli or Mnemonic.Sti => PortIo.HasIopl(vcpu),
            _ when !kernel => false,
            Mnemonic.Mov when IsControlRegister(instruction.Op1Register) => TryReadControl(vcpu, instruction),
            Mnemonic.Mov when IsControlRegister(instruction.Op0Register) => TryWriteControl(vcpu, instruction),
            Mnemonic.Mov when IsDebugRegister(instruction.Op1Register) => TryReadDebug(vcpu, instruction),
            Mnemonic.Mov when IsDebugRegister(instruction.Op0Register) => TryWriteDebug(vcpu, instruction),
            Mnemonic.Clts => SetTaskSwitched(vcpu, false),
            Mnemonic.Wbinvd or Mnemonic.Wbnoinvd => true,
            Mnemonic.Rdmsr => TryReadMsr(vcpu),
            Mnemonic.Xsetbv => (uint)state.Rcx == 0 && vcpu.TrySetXcr0((state.Rdx << 32) | (uint)state.Rax),
            Mnemonic.Wrmsr => ModelSpecificRegisters.TryWrite(vcpu, (uint)state.Rcx, (state.Rdx << 32) | (uint)state.Rax),
            _ => false,
        };
        if (done && !PortIo.Repeats(vcpu, instruction))
            state.Rip += (ulong)instruction.Length;
        if (done)
            TrapDelivery.EndInstruction(vcpu);
        return done;
    }

    private static bool TryReadControl(Vcpu vcpu, in Instruction instruction)
    {
        ulong value;
        switch (instruction.Op1Register)
        {
            case Register.CR0: value = vcpu.Cr0; break;
            case Register.CR2: value = vcpu.Cr2; break;
            case Register.CR3: value = vcpu.KernelRoot.Value << MachineMemory.FrameShift; break;
            case Register.CR4: value = vcpu.Cr4; break;
            default: return false;
        }
        General(vcpu, instruction.Op0Register) = value;
        return true;
    }

    private static bool TryWriteControl(Vcpu vcpu, in Instruction instruction)
    {
        ulong value = General(vcpu, instruction.Op1Register);
        switch (instruction.Op0Register)
        {
            case Register.CR0:
                const ulong TaskSwitched = 1 << 3;
                return ((value ^ vcpu.Cr0) & ~TaskSwitched) == 0 && SetTaskSwitched(vcpu, (value & TaskSwitched) != 0);
            case Register.CR2:
                vcpu.Cr2 = value;
                vcpu.Info.Cr2 = value;
                return true;
            case Register.CR3:
                return vcpu.Domain.Memory.SetBasePointer(vcpu, CpuMode.Kernel, Vcpu.PageTableFrame(value)) == 0;
            case Register.CR4:
                vcpu.Cr4 = value;
                return true;
            default:
                return false;
        }
    }

    private static bool SetTaskSwitched(Vcpu vcpu, bool value)
    {
        vcpu.TaskSwitched = value;
        return true;
    }

    private static bool TryReadDebug(Vcpu vcpu, in Instruction instruction)
    {
        if (!vcpu.Debug.TryGet(instruction.Op1Register - Register.DR0, vcpu.Cr4, out ulong value))
            return false;
        General(vcpu, instruction.Op0Register) = value;
        return true;
    }

    private static bool TryWriteDebug(Vcpu vcpu, in Instruction instruction) =>
        vcpu.Debug.Set(instruction.Op0Register - Register.DR0, General(vcpu, instruction.Op1Register), vcpu.Cr4) == 0;

    private static bool TryReadMsr(Vcpu vcpu)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        uint index = (uint)state.Rcx;
        if (!ModelSpecificRegisters.TryRead(vcpu, index, out ulong value))
        {
            // A kernel that has set no #GP handler yet would die of it; Xen lets it read 0.
            bool mustNotFault = vcpu.Traps[ExceptionVector.GeneralProtection].Address == 0 && !ModelSpecificRegisters.IsHypervisorRange(index);
            if (!mustNotFault)
                return false;
        }
        state.Rax = (uint)value;
        state.Rdx = value >> 32;
        return true;
    }

    private static bool IsControlRegister(Register register) => register is >= Register.CR0 and <= Register.CR15;

    private static bool IsDebugRegister(Register register) => register is >= Register.DR0 and <= Register.DR7;

    private static ref ulong General(Vcpu vcpu, Register register) => ref vcpu.Cpu.State.Registers[register - Register.RAX];
}
