using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Decides how instructions are treated. Only what is known to be harmless runs as it is: everything else goes to <see cref="Emulator"/>.</summary>
internal static class InstructionForms
{
    public static InstructionForm Create(in Instruction seen)
    {
        // What Iced tells of a shift by 0 (no flags read, none written) is true of that one only.
        var instruction = seen;
        if (instruction.OpCount > 0 && instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8)
            instruction.Immediate8 = 1;
        var code = instruction.Code.ToOpCode();
        var info = new InstructionInfoFactory().GetInfo(in instruction);
        var implicitWrites = ImplicitWrites(instruction.Mnemonic, code.OpCount);
        var isVex = code.Encoding == EncodingKind.VEX;
        RegisterSlot reg = default, rm = default, vvvv = default, inOpcode = default;
        var hasModRm = false;
        var plainOperands = true;
        var mmx = false;
        var mayAccessMemory = false;
        var writesMemory = false;
        var explicitMemory = 0;
        var moves = instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd;
        for (var operand = 0; operand < code.OpCount; operand++)
        {
            var kind = code.GetOpKind(operand);
            var written = info.GetOpAccess(operand) is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if (instruction.GetOpKind(operand) == OpKind.Memory)
                explicitMemory++;
            if (IsMemory(kind))
            {
                mayAccessMemory = true;
                writesMemory |= written;
            }


            switch (kind)
            {
                case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem:
                case OpCodeOperandKind.r16_rm or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r64_rm:
                    hasModRm = true;
                    rm = SlotOf(kind, written, moves);
                    break;
                case OpCodeOperandKind.r8_reg or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r64_reg:
                    hasModRm = true;
                    reg = SlotOf(kind, written, moves);
                    break;
                case OpCodeOperandKind.r32_vvvv or OpCodeOperandKind.r64_vvvv:
                    vvvv = SlotOf(kind, written, moves);
                    break;
                case OpCodeOperandKind.r8_opcode or OpCodeOperandKind.r16_opcode or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r64_opcode:
                    inOpcode = SlotOf(kind, written, moves);
                    break;
                case OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm:
                    hasModRm = true;
                    mmx = true;
                    break;
                case OpCodeOperandKind.mem or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm:
                case OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm:
                    hasModRm = true;
                    break;
                case OpCodeOperandKind.al or OpCodeOperandKind.ax or OpCodeOperandKind.eax or OpCodeOperandKind.rax:
                    if (written)
                        implicitWrites |= 1 << HostRegister.Rax;
                    break;
                case OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.ymm_vvvv or OpCodeOperandKind.xmm_is4 or OpCodeOperandKind.ymm_is4:
                case OpCodeOperandKind.cl or OpCodeOperandKind.dx:
                case OpCodeOperandKind.st0 or OpCodeOperandKind.sti_opcode or OpCodeOperandKind.mem_offs:
                case OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1 or OpCodeOperandKind.imm16 or OpCodeOperandKind.imm32 or OpCodeOperandKind.imm64:
                case OpCodeOperandKind.imm8sex16 or OpCodeOperandKind.imm8sex32 or OpCodeOperandKind.imm8sex64 or OpCodeOperandKind.imm32sex64:
                    break;
                default:
                    plainOperands = false;
                    break;
            }
        }

        // A group opcode without operands in memory or registers (mfence) has its ModRM byte in Iced's opcode; x87 register forms likewise.
        var x87 = mmx || IsX87(instruction.Code) || instruction.Mnemonic is Mnemonic.Emms or Mnemonic.Fisttp or Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64;
        var implicitMemory = info.GetUsedMemory().GetEnumerator();
        var usedMemory = 0;
        while (implicitMemory.MoveNext())
            usedMemory++;
        var rewritable = plainOperands && usedMemory <= explicitMemory && (isVex || code.Encoding == EncodingKind.Legacy) && CpuFeatures.AreTranslated(instruction.CpuidFeatures);
        var usesVectors = UsesVectors(instruction.Mnemonic, in info);
        var savesState = IsExtendedState(instruction.Mnemonic);
        var shift = ShiftOf(in instruction, code);
        var text = instruction.IsStringInstruction;
        var hasUsualSize = !mayAccessMemory || code.MemorySize.GetSize() is > 0 and <= AccessDescription.LargestSize;
        return new InstructionForm(
            TreatmentOf(in instruction, rewritable, hasUsualSize),
            hasModRm,
            isVex,
            reg,
            rm,
            vvvv,
            inOpcode,
            (ushort)implicitWrites,
            writesMemory,
            MayTrap(in instruction),
            x87,
            savesState || ((isVex || code.Encoding == EncodingKind.Legacy) && CpuFeatures.AreTranslated(instruction.CpuidFeatures) && (x87 || usesVectors)),
            savesState || (isVex && CpuFeatures.AreTranslated(instruction.CpuidFeatures) && usesVectors),
            (uint)instruction.RflagsRead & InstructionForm.ArithmeticFlags,
            text || shift == ShiftKind.Register ? 0 : (uint)instruction.RflagsModified & InstructionForm.ArithmeticFlags,
            shift);
    }

    private static Treatment TreatmentOf(in Instruction instruction, bool rewritable, bool hasUsualSize)
    {
        switch (instruction.FlowControl)
        {
            case FlowControl.UnconditionalBranch:
                return instruction.IsJmpShortOrNear ? Treatment.Jump : Treatment.Emulate;
            case FlowControl.ConditionalBranch:
                return instruction.IsJccShortOrNear ? Treatment.JumpConditional : Treatment.JumpOnCount;
            case FlowControl.IndirectBranch:
                return instruction.Code == Code.Jmp_rm64 ? Treatment.JumpIndirect : Treatment.Emulate;
            case FlowControl.IndirectCall:
                return instruction.Code == Code.Call_rm64 ? Treatment.CallIndirect : Treatment.Emulate;
            case FlowControl.Return:
                return instruction.Code switch
                {
                    Code.Retnq or Code.Retnq_imm16 => Treatment.Return,
                    Code.Iretq => Treatment.InterruptReturn,
                    _ => Treatment.Emulate,
                };
            case FlowControl.Call:
                return instruction.Code switch
                {
                    Code.Call_rel32_64 => Treatment.Call,
                    Code.Syscall => Treatment.Syscall,
                    _ => Treatment.Emulate,
                };
            case FlowControl.Interrupt:
                return instruction.Mnemonic is Mnemonic.Int or Mnemonic.Int3 or Mnemonic.Int1 ? Treatment.SoftwareInterrupt : Treatment.InvalidOpcode;
            case FlowControl.Exception:
                return Treatment.InvalidOpcode;
            case FlowControl.XbeginXabortXend:
                return Treatment.Emulate;
        }

        switch (instruction.Code)
        {
            case Code.INVALID:
                return Treatment.InvalidOpcode;
            case Code.Cpuid:
                return Treatment.Cpuid;
            case Code.Push_r64 or Code.Push_rm64 or Code.Pushq_imm8 or Code.Pushq_imm32:
                return Treatment.Push;
            case Code.Pop_r64:
                return Treatment.Pop;
            case Code.Pushfq:
                return Treatment.PushFlags;
            case Code.Mov_rm16_Sreg or Code.Mov_r32m16_Sreg or Code.Mov_r64m16_Sreg:
                return Treatment.ReadSelector;
            case Code.Leaveq:
                return Treatment.Leave;
            case Code.Lea_r32_m or Code.Lea_r64_m:
                return Treatment.Lea;
            case Code.Cld:
                return Treatment.ClearDirection;
            case Code.Std:
                return Treatment.SetDirection;
            case Code.Movsb_m8_m8 or Code.Movsw_m16_m16 or Code.Movsd_m32_m32 or Code.Movsq_m64_m64:
            case Code.Stosb_m8_AL or Code.Stosw_m16_AX or Code.Stosd_m32_EAX or Code.Stosq_m64_RAX:
            case Code.Lodsb_AL_m8 or Code.Lodsw_AX_m16 or Code.Lodsd_EAX_m32 or Code.Lodsq_RAX_m64:
                return Treatment.MoveString;
            case Code.Bt_rm32_r32 or Code.Bts_rm32_r32 or Code.Btr_rm32_r32 or Code.Btc_rm32_r32:
            case Code.Bt_rm64_r64 or Code.Bts_rm64_r64 or Code.Btr_rm64_r64 or Code.Btc_rm64_r64:
                return Treatment.BitString;
            case Code.Lea_r16_m:
            case Code.Bt_rm16_r16 or Code.Bts_rm16_r16 or Code.Btr_rm16_r16 or Code.Btc_rm16_r16:
                return Treatment.Emulate;
        }

        if (IsExtendedState(instruction.Mnemonic))
            return Treatment.ExtendedState;
        if (IsHint(instruction.Mnemonic))
            return Treatment.Nothing;
        if (AsksForSystemState(instruction.Mnemonic) || !rewritable || !hasUsualSize || instruction.IsPrivileged || instruction.IsStackInstruction || instruction.IsStringInstruction)
            return Treatment.Emulate;
        return IsMaskedMove(instruction.Mnemonic) ? Treatment.Tentative : Treatment.Rewrite;
    }

    /// <summary>Does nothing, or nothing that can be seen: among them the shadow stack's RDSSP, which unwinders execute on CPUs that have none.</summary>
    private static bool IsHint(Mnemonic mnemonic) => mnemonic is Mnemonic.Nop or Mnemonic.Reservednop
        or Mnemonic.Endbr64 or Mnemonic.Endbr32 or Mnemonic.Rdsspd or Mnemonic.Rdsspq
        or Mnemonic.Prefetchnta or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2
        or Mnemonic.Prefetchw or Mnemonic.Prefetch or Mnemonic.Prefetchwt1 or Mnemonic.Prefetchit0 or Mnemonic.Prefetchit1 or Mnemonic.Cldemote;

    /// <summary>Unprivileged, but the answer would be the host's.</summary>
    private static bool AsksForSystemState(Mnemonic mnemonic) => mnemonic is Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr or Mnemonic.Verw
        or Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs
        or Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw;

    private static int ImplicitWrites(Mnemonic mnemonic, int operands)
    {
        const int Rax = 1 << HostRegister.Rax;
        const int Rcx = 1 << HostRegister.Rcx;
        const int Rdx = 1 << HostRegister.Rdx;
        return mnemonic switch
        {
            Mnemonic.Mul or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b or Mnemonic.Rdtsc => Rax | Rdx,
            Mnemonic.Imul when operands == 1 => Rax | Rdx,
            Mnemonic.Cwd or Mnemonic.Cdq or Mnemonic.Cqo => Rdx,
            Mnemonic.Cbw or Mnemonic.Cwde or Mnemonic.Cdqe or Mnemonic.Cmpxchg or Mnemonic.Lahf => Rax,
            Mnemonic.Pcmpestri or Mnemonic.Pcmpestri64 or Mnemonic.Pcmpistri or Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestri64 or Mnemonic.Vpcmpistri => Rcx,
            _ => 0,
        };
    }

    private static bool IsX87(Code code)
    {
        foreach (var feature in code.CpuidFeatures())
        {
            if (code == Code.Wait || feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387)
                return true;
        }

        return false;
    }

    private static bool UsesVectors(Mnemonic mnemonic, in InstructionInfo info)
    {
        foreach (var register in info.GetUsedRegisters())
        {
            if (register.Register.IsXMM() || register.Register.IsYMM() || register.Register.IsZMM())
                return true;
        }

        return mnemonic is Mnemonic.Ldmxcsr or Mnemonic.Stmxcsr or Mnemonic.Vldmxcsr or Mnemonic.Vstmxcsr or Mnemonic.Vzeroupper or Mnemonic.Vzeroall;
    }

    private static bool IsExtendedState(Mnemonic mnemonic) => mnemonic is Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    /// <summary>Elements that the mask leaves out are neither accessed nor do they fault.</summary>
    private static bool IsMaskedMove(Mnemonic mnemonic) => mnemonic is Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq;

    /// <summary>Whether the host may trap at it although its memory is accessible: division, alignment, floating point, reserved bits.</summary>
    private static bool MayTrap(in Instruction instruction)
    {
        if (instruction.Mnemonic is Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Cmpxchg16b or Mnemonic.Wait)
            return true;
        foreach (var feature in instruction.CpuidFeatures)
        {
            if (feature is not (CpuidFeature.INTEL8086 or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL386 or CpuidFeature.INTEL486 or CpuidFeature.X64
                or CpuidFeature.CMOV or CpuidFeature.CX8))
                return true;
        }

        return false;
    }

    private static bool IsMemory(OpCodeOperandKind kind) => kind is OpCodeOperandKind.mem or OpCodeOperandKind.mem_offs
        or OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem
        or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.ymm_or_mem;

    private static ShiftKind ShiftOf(in Instruction instruction, OpCodeInfo code)
    {
        if (instruction.Mnemonic is not (Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr
            or Mnemonic.Shld or Mnemonic.Shrd))
            return ShiftKind.None;
        return code.GetOpKind(code.OpCount - 1) switch
        {
            OpCodeOperandKind.cl => ShiftKind.Register,
            OpCodeOperandKind.imm8 => SizeOf(code.GetOpKind(0)) == 8 ? ShiftKind.Immediate64 : ShiftKind.Immediate32,
            _ => ShiftKind.None,
        };
    }

    /// <summary>A move to 4 or 8 bytes of a register sets it whole (SDM vol. 1, 3.4.1.1).</summary>
    private static RegisterSlot SlotOf(OpCodeOperandKind kind, bool written, bool moves) => new(SizeOf(kind), written, Overwritten: moves && written && SizeOf(kind) >= 4);

    private static byte SizeOf(OpCodeOperandKind kind) => kind switch
    {
        OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode => 1,
        OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_opcode or OpCodeOperandKind.r16_rm => 2,
        OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_vvvv => 4,
        OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_opcode or OpCodeOperandKind.r64_rm or OpCodeOperandKind.r64_vvvv => 8,
        _ => 0,
    };
}
