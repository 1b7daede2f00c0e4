using CloudPv.X86;
using Iced.Intel;

namespace CloudPv.Hypervisor;

/// <summary>IN, OUT, INS and OUTS of a PV guest that owns no ports: reads give all ones, writes go nowhere; both only with a sufficient virtual IOPL or I/O bitmap.</summary>
internal static class PortIo
{
    public static ushort Port(Vcpu vcpu, in Instruction instruction)
    {
        int operand = instruction.Mnemonic == Mnemonic.In ? 1 : 0;
        return instruction.GetOpKind(operand) == OpKind.Immediate8 ? instruction.Immediate8 : (ushort)vcpu.Cpu.State.Rdx;
    }

    /// <summary>Bytes a transfer.</summary>
    public static int Width(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.In => instruction.Op0Register.GetSize(),
        Mnemonic.Out => instruction.Op1Register.GetSize(),
        Mnemonic.Insb or Mnemonic.Outsb => 1,
        Mnemonic.Insw or Mnemonic.Outsw => 2,
        _ => 4,
    };

    /// <summary>The guest's kernel counts as ring 1, or as ring 0 with architectural IOPL; its user programs as ring 3.</summary>
    public static bool HasIopl(Vcpu vcpu)
    {
        int level = vcpu.Cpu.Mode == CpuMode.User ? 3 : vcpu.Domain.HasAssist(Xen.VmAssistType.ArchitecturalIopl) ? 0 : 1;
        return level <= vcpu.Iopl;
    }

    public static bool IsAllowed(Vcpu vcpu, ushort port, int width) => HasIopl(vcpu) || IsInBitmap(vcpu, port, width);

    public static bool TryIn(Vcpu vcpu, in Instruction instruction)
    {
        int width = Width(instruction);
        if (!IsAllowed(vcpu, Port(vcpu, instruction), width))
            return false;
        ref ulong rax = ref vcpu.Cpu.State.Rax;
        rax = width switch
        {
            1 => rax | 0xff,
            2 => rax | 0xffff,
            _ => 0xffff_ffff,
        };
        return true;
    }

    /// <summary>One element of INS. With REP the instruction is entered again for the next.</summary>
    public static bool TryInString(Vcpu vcpu, in Instruction instruction)
    {
        int width = Width(instruction);
        ref CpuState state = ref vcpu.Cpu.State;
        if (!IsAllowed(vcpu, (ushort)state.Rdx, width))
            return false;
        if (IsExhausted(vcpu, instruction))
            return true;
        Span<byte> ones = stackalloc byte[width];
        ones.Fill(0xff);
        if (!vcpu.Cpu.TryWrite(state.Rdi, ones, out CpuExit fault))
        {
            TrapDelivery.InjectPageFault(vcpu, fault.FaultAddress, fault.ErrorCode);
            return true;
        }
        Advance(vcpu, ref state.Rdi, width, instruction);
        return true;
    }

    /// <summary>One element of OUTS, which goes nowhere.</summary>
    public static bool TryOutString(Vcpu vcpu, in Instruction instruction)
    {
        int width = Width(instruction);
        ref CpuState state = ref vcpu.Cpu.State;
        if (!IsAllowed(vcpu, (ushort)state.Rdx, width))
            return false;
        if (!IsExhausted(vcpu, instruction))
            Advance(vcpu, ref state.Rsi, width, instruction);
        return true;
    }

    /// <summary>A string instruction with REP that has elements left.</summary>
    public static bool Repeats(Vcpu vcpu, in Instruction instruction) =>
        instruction.HasRepPrefix && instruction.IsStringInstruction && vcpu.Cpu.State.Rcx != 0;

    private static bool IsExhausted(Vcpu vcpu, in Instruction instruction) => instruction.HasRepPrefix && vcpu.Cpu.State.Rcx == 0;

    private static void Advance(Vcpu vcpu, ref ulong pointer, int width, in Instruction instruction)
    {
        const ulong Direction = 1 << 10;
        pointer += (vcpu.Cpu.State.Rflags & Direction) != 0 ? (ulong)-width : (ulong)width;
        if (instruction.HasRepPrefix)
            vcpu.Cpu.State.Rcx--;
    }

    /// <summary>A clear bit for every byte of the access in the bitmap that the guest named (PHYSDEVOP_set_iobitmap). What can't be read counts as set.</summary>
    private static bool IsInBitmap(Vcpu vcpu, ushort port, int width)
    {
        if (port + width > vcpu.IoBitmap.Ports)
            return false;
        Span<byte> bits = [0xff, 0xff];
        CpuMode mode = vcpu.Cpu.Mode;
        vcpu.Cpu.Mode = CpuMode.Kernel;
        if (!vcpu.Cpu.TryRead(vcpu.IoBitmap.Address.Value + (uint)(port >> 3), bits, out _))
            vcpu.Cpu.TryRead(vcpu.IoBitmap.Address.Value + (uint)(port >> 3), bits[..1], out _);
        vcpu.Cpu.Mode = mode;
        int mask = (bits[0] | bits[1] << 8) >> (port & 7);
        return (mask & ((1 << width) - 1)) == 0;
    }
}
