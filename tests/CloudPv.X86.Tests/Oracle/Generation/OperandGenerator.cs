using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Chooses the form of a memory operand: base, index, scale, displacement size, segment.</summary>
internal interface IMemoryShape
{
    void Shape(ref Instruction instruction, bool moffs);
}

/// <summary>Gives an instruction random operands of the kinds that its code has: registers, immediates, branch targets, memory.</summary>
internal sealed class OperandGenerator(SeededRandom random)
{
    private const int LongestInstruction = 15;

    public void Set(ref Instruction instruction, IMemoryShape memory)
    {
        var opCode = instruction.Code.ToOpCode();
        for (var operand = 0; operand < opCode.OpCount; operand++)
            Set(ref instruction, opCode, operand, memory);
    }

    private void Set(ref Instruction instruction, OpCodeInfo opCode, int operand, IMemoryShape memory)
    {
        switch (opCode.GetOpKind(operand))
        {
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem
                or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.mm_or_mem when random.Next(5) < 3:
            case OpCodeOperandKind.mem or OpCodeOperandKind.mem_offs:
                instruction.SetOpKind(operand, OpKind.Memory);
                memory.Shape(ref instruction, moffs: opCode.GetOpKind(operand) == OpCodeOperandKind.mem_offs);
                return;
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode:
                var number = PickRegister();
                SetRegister(ref instruction, operand, random.OneIn(4) ? Register.AH + random.Next(4) : ByteRegister(number));
                return;
            case OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_reg_mem or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode:
                SetRegister(ref instruction, operand, Register.AX + PickRegister());
                return;
            case OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_reg_mem or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r32_vvvv:
                SetRegister(ref instruction, operand, Register.EAX + PickRegister());
                return;
            case OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_reg_mem or OpCodeOperandKind.r64_rm or OpCodeOperandKind.r64_opcode or OpCodeOperandKind.r64_vvvv:
                SetRegister(ref instruction, operand, Register.RAX + PickRegister());
                return;
            case OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.xmm_is4:
                SetRegister(ref instruction, operand, Register.XMM0 + random.Next(16));
                return;
            case OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm or OpCodeOperandKind.ymm_vvvv or OpCodeOperandKind.ymm_is4:
                SetRegister(ref instruction, operand, Register.YMM0 + random.Next(16));
                return;
            case OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm:
                SetRegister(ref instruction, operand, Register.MM0 + random.Next(8));
                return;
            case OpCodeOperandKind.sti_opcode:
                SetRegister(ref instruction, operand, Register.ST0 + random.Next(8));
                return;
            case OpCodeOperandKind.st0:
                SetRegister(ref instruction, operand, Register.ST0);
                return;
            case OpCodeOperandKind.fs:
                SetRegister(ref instruction, operand, Register.FS);
                return;
            case OpCodeOperandKind.gs:
                SetRegister(ref instruction, operand, Register.GS);
                return;
            case OpCodeOperandKind.al:
                SetRegister(ref instruction, operand, Register.AL);
                return;
            case OpCodeOperandKind.cl:
                SetRegister(ref instruction, operand, Register.CL);
                return;
            case OpCodeOperandKind.ax:
                SetRegister(ref instruction, operand, Register.AX);
                return;
            case OpCodeOperandKind.dx:
                SetRegister(ref instruction, operand, Register.DX);
                return;
            case OpCodeOperandKind.eax:
                SetRegister(ref instruction, operand, Register.EAX);
                return;
            case OpCodeOperandKind.rax:
                SetRegister(ref instruction, operand, Register.RAX);
                return;
            case OpCodeOperandKind.imm8_const_1:
                SetImmediate(ref instruction, operand, OpKind.Immediate8, 1);
                return;
            case OpCodeOperandKind.imm8:
                var second = operand > 0 && instruction.GetOpKind(operand - 1) is OpKind.Immediate8 or OpKind.Immediate16;
                SetImmediate(ref instruction, operand, second ? OpKind.Immediate8_2nd : OpKind.Immediate8, (byte)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm8sex16:
                SetImmediate(ref instruction, operand, OpKind.Immediate8to16, (sbyte)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm8sex32:
                SetImmediate(ref instruction, operand, OpKind.Immediate8to32, (sbyte)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm8sex64:
                SetImmediate(ref instruction, operand, OpKind.Immediate8to64, (sbyte)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm16:
                SetImmediate(ref instruction, operand, OpKind.Immediate16, instruction.Mnemonic is Mnemonic.Enter or Mnemonic.Ret ? random.Next(64) : (ushort)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm32:
                SetImmediate(ref instruction, operand, OpKind.Immediate32, (uint)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm32sex64:
                SetImmediate(ref instruction, operand, OpKind.Immediate32to64, (int)RandomState.Value(random));
                return;
            case OpCodeOperandKind.imm64:
                SetImmediate(ref instruction, operand, OpKind.Immediate64, (long)RandomState.Value(random));
                return;
            case OpCodeOperandKind.br64_1:
                SetBranch(ref instruction, operand, instruction.IP + (ulong)(random.Next(100) - 40));
                return;
            case OpCodeOperandKind.br64_4:
                SetBranch(ref instruction, operand, instruction.IP - (uint)Arena.Offset(instruction.IP) + (uint)random.Next(Arena.CodeSize));
                return;
            case OpCodeOperandKind.seg_rSI:
                instruction.SetOpKind(operand, OpKind.MemorySegRSI);
                return;
            case OpCodeOperandKind.es_rDI:
                instruction.SetOpKind(operand, OpKind.MemoryESRDI);
                return;
            case OpCodeOperandKind.seg_rDI:
                instruction.SetOpKind(operand, OpKind.MemorySegRDI);
                return;
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = Register.RBX;
                instruction.MemoryIndex = Register.AL;
                return;
            default:
                throw new NotSupportedException($"{instruction.Code}: {opCode.GetOpKind(operand)}");
        }
    }

    /// <summary>All sixteen alike, but more of those that a translator is likely to treat in its own way.</summary>
    private int PickRegister() => random.OneIn(3) ? random.Pick<int>([4, 9, 10, 11]) : random.Next(16);

    private static Register ByteRegister(int number) => number < 4 ? Register.AL + number : Register.SPL + number - 4;

    private static void SetRegister(ref Instruction instruction, int operand, Register register)
    {
        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, register);
    }

    private static void SetImmediate(ref Instruction instruction, int operand, OpKind kind, long value)
    {
        instruction.SetOpKind(operand, kind);
        instruction.SetImmediate(operand, value);
    }

    /// <summary>A branch to its own instruction, at either address of the arena, would never end.</summary>
    public static ulong Outside(in Instruction instruction, ulong target)
    {
        var distance = Arena.Offset(target) - Arena.Offset(instruction.IP);
        return distance is >= 0 and < LongestInstruction ? target + LongestInstruction : target;
    }

    private static void SetBranch(ref Instruction instruction, int operand, ulong target)
    {
        instruction.SetOpKind(operand, OpKind.NearBranch64);
        instruction.NearBranch64 = Outside(in instruction, target);
    }
}
