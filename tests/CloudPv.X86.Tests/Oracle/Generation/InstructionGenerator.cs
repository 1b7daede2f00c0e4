using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Makes a random instruction of a given code: operands and prefixes, and the registers and memory that give it something sensible to work on.</summary>
internal sealed class InstructionGenerator(SeededRandom random)
{
    private readonly MemoryOperandGenerator _memory = new(random);

    /// <summary>
    /// A case of one instruction. Not every random choice can be encoded (AH with REX, for one), so it tries some; false: this code can't be encoded at all.
    /// </summary>
    public bool TryMake(TestCase test, Code code)
    {
        for (var attempt = 0; attempt < 64; attempt++)
        {
            test.Clear(random);
            var low = random.OneIn(2);
            var address = (low ? Arena.Low : Arena.High) + (uint)PickCodeOffset();
            test.Start.Rip = address;
            test.Start.Rsp = (random.OneIn(2) ? Arena.Low : Arena.High) + (uint)ArenaAddress.Pick(random, 8, alignment: random.OneIn(8) ? 1 : 8);
            if (TryMake(test, code, out var instruction) && TryEncode(in instruction, address, out var bytes))
            {
                test.Place(bytes, address);
                if (test.Instructions.Count == 1 && test.Instructions[0].Code == code)
                    return true;
            }
        }

        return false;
    }

    /// <summary>An instruction for the case's RIP, whose registers and memory are set up in the case.</summary>
    public bool TryMake(TestCase test, Code code, out Instruction instruction)
    {
        instruction = new Instruction { Code = code, IP = test.Start.Rip };
        var opCode = code.ToOpCode();
        PrepareImplicitRegisters(test, opCode);
        for (var operand = 0; operand < opCode.OpCount; operand++)
        {
            if (!SetOperand(test, ref instruction, opCode, operand))
                return false;
        }

        SetPrefixes(test, ref instruction, opCode);
        return LimitBitOffset(test, ref instruction) && _memory.Place(test, ref instruction) && PrepareBranch(test, ref instruction);
    }

    public static bool TryEncode(in Instruction instruction, ulong address, out byte[] bytes)
    {
        var writer = new ByteWriter();
        var encoded = Encoder.Create(64, writer).TryEncode(in instruction, address, out _, out _);
        bytes = writer.ToArray();
        return encoded;
    }

    /// <summary>Anywhere; sometimes across the two code pages, or up to or over the end of the second.</summary>
    private int PickCodeOffset() => random.Next(12) switch
    {
        0 => Arena.PageSize - 1 - random.Next(8),
        1 => Arena.CodeSize - 1 - random.Next(10),
        _ => random.Next(Arena.CodeSize - 64),
    };

    private bool SetOperand(TestCase test, ref Instruction instruction, OpCodeInfo opCode, int operand)
    {
        switch (opCode.GetOpKind(operand))
        {
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem
                or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.mm_or_mem when random.Next(5) < 3:
            case OpCodeOperandKind.mem or OpCodeOperandKind.mem_offs:
                instruction.SetOpKind(operand, OpKind.Memory);
                _memory.Shape(ref instruction, moffs: opCode.GetOpKind(operand) == OpCodeOperandKind.mem_offs);
                return true;
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode:
                var number = PickRegister();
                return SetRegister(ref instruction, operand, random.OneIn(4) ? Register.AH + random.Next(4) : ByteRegister(number));
            case OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_reg_mem or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode:
                return SetRegister(ref instruction, operand, Register.AX + PickRegister());
            case OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_reg_mem or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r32_vvvv:
                return SetRegister(ref instruction, operand, Register.EAX + PickRegister());
            case OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_reg_mem or OpCodeOperandKind.r64_rm or OpCodeOperandKind.r64_opcode or OpCodeOperandKind.r64_vvvv:
                return SetRegister(ref instruction, operand, Register.RAX + PickRegister());
            case OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm:
                return SetRegister(ref instruction, operand, Register.XMM0 + random.Next(16));
            case OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm:
                return SetRegister(ref instruction, operand, Register.MM0 + random.Next(8));
            case OpCodeOperandKind.sti_opcode:
                return SetRegister(ref instruction, operand, Register.ST0 + random.Next(8));
            case OpCodeOperandKind.st0:
                return SetRegister(ref instruction, operand, Register.ST0);
            case OpCodeOperandKind.fs:
                return SetRegister(ref instruction, operand, Register.FS);
            case OpCodeOperandKind.gs:
                return SetRegister(ref instruction, operand, Register.GS);
            case OpCodeOperandKind.al:
                return SetRegister(ref instruction, operand, Register.AL);
            case OpCodeOperandKind.cl:
                return SetRegister(ref instruction, operand, Register.CL);
            case OpCodeOperandKind.ax:
                return SetRegister(ref instruction, operand, Register.AX);
            case OpCodeOperandKind.dx:
                return SetRegister(ref instruction, operand, Register.DX);
            case OpCodeOperandKind.eax:
                return SetRegister(ref instruction, operand, Register.EAX);
            case OpCodeOperandKind.rax:
                return SetRegister(ref instruction, operand, Register.RAX);
            case OpCodeOperandKind.imm8_const_1:
                return SetImmediate(ref instruction, operand, OpKind.Immediate8, 1);
            case OpCodeOperandKind.imm8:
                var second = operand > 0 && instruction.GetOpKind(operand - 1) is OpKind.Immediate8 or OpKind.Immediate16;
                return SetImmediate(ref instruction, operand, second ? OpKind.Immediate8_2nd : OpKind.Immediate8, (byte)RandomState.Value(random));
            case OpCodeOperandKind.imm8sex16:
                return SetImmediate(ref instruction, operand, OpKind.Immediate8to16, (sbyte)RandomState.Value(random));
            case OpCodeOperandKind.imm8sex32:
                return SetImmediate(ref instruction, operand, OpKind.Immediate8to32, (sbyte)RandomState.Value(random));
            case OpCodeOperandKind.imm8sex64:
                return SetImmediate(ref instruction, operand, OpKind.Immediate8to64, (sbyte)RandomState.Value(random));
            case OpCodeOperandKind.imm16:
                return SetImmediate(ref instruction, operand, OpKind.Immediate16, instruction.Mnemonic is Mnemonic.Enter or Mnemonic.Ret ? random.Next(64) : (ushort)RandomState.Value(random));
            case OpCodeOperandKind.imm32:
                return SetImmediate(ref instruction, operand, OpKind.Immediate32, (uint)RandomState.Value(random));
            case OpCodeOperandKind.imm32sex64:
                return SetImmediate(ref instruction, operand, OpKind.Immediate32to64, (int)RandomState.Value(random));
            case OpCodeOperandKind.imm64:
                return SetImmediate(ref instruction, operand, OpKind.Immediate64, (long)RandomState.Value(random));
            case OpCodeOperandKind.br64_1:
                return SetBranch(ref instruction, operand, instruction.IP + (ulong)(random.Next(100) - 40));
            case OpCodeOperandKind.br64_4:
                return SetBranch(ref instruction, operand, instruction.IP - (uint)Arena.Offset(instruction.IP) + (uint)random.Next(Arena.CodeSize));
            case OpCodeOperandKind.seg_rSI:
                instruction.SetOpKind(operand, OpKind.MemorySegRSI);
                return true;
            case OpCodeOperandKind.es_rDI:
                instruction.SetOpKind(operand, OpKind.MemoryESRDI);
                return true;
            case OpCodeOperandKind.seg_rDI:
                instruction.SetOpKind(operand, OpKind.MemorySegRDI);
                return true;
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = Register.RBX;
                instruction.MemoryIndex = Register.AL;
                test.Start.Rbx = Arena.High + (uint)Arena.Data + (uint)random.Next(Arena.DataSize);
                return true;
            default:
                throw new NotSupportedException($"{instruction.Code}: {opCode.GetOpKind(operand)}");
        }
    }

    /// <summary>All sixteen alike, but more of those that a translator is likely to treat in its own way.</summary>
    private int PickRegister() => random.OneIn(3) ? random.Pick<int>([4, 9, 10, 11]) : random.Next(16);

    private static Register ByteRegister(int number) => number < 4 ? Register.AL + number : Register.SPL + number - 4;

    private static bool SetRegister(ref Instruction instruction, int operand, Register register)
    {
        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, register);
        return true;
    }

    private static bool SetImmediate(ref Instruction instruction, int operand, OpKind kind, long value)
    {
        instruction.SetOpKind(operand, kind);
        instruction.SetImmediate(operand, value);
        return true;
    }

    private static bool SetBranch(ref Instruction instruction, int operand, ulong target)
    {
        instruction.SetOpKind(operand, OpKind.NearBranch64);
        instruction.NearBranch64 = target;
        return true;
    }

    private void SetPrefixes(TestCase test, ref Instruction instruction, OpCodeInfo opCode)
    {
        if (opCode.CanUseLockPrefix && instruction.Op0Kind == OpKind.Memory)
            instruction.HasLockPrefix = random.OneIn(2);
        if (!instruction.IsStringInstruction)
            return;
        var prefix = random.Next(4);
        instruction.HasRepPrefix = prefix == 0 && opCode.CanUseRepPrefix;
        instruction.HasRepnePrefix = prefix == 1 && opCode.CanUseRepnePrefix;
        if (random.OneIn(6))
            instruction.SegmentPrefix = random.OneIn(2) ? Register.FS : Register.GS;
        if (random.OneIn(4))
            UseShortAddresses(test, ref instruction);
    }

    private void UseShortAddresses(TestCase test, ref Instruction instruction)
    {
        for (var operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.MemorySegRSI)
                instruction.SetOpKind(operand, OpKind.MemorySegESI);
            else if (instruction.GetOpKind(operand) == OpKind.MemoryESRDI)
                instruction.SetOpKind(operand, OpKind.MemoryESEDI);
        }

        test.Start.Rsi = (uint)(test.Start.Rsi - Arena.High + Arena.Low) | (random.Next() << 32);
        test.Start.Rdi = (uint)(test.Start.Rdi - Arena.High + Arena.Low) | (random.Next() << 32);
        test.Start.Rcx |= random.Next() << 32;
    }

    /// <summary>Registers that an instruction uses without naming them.</summary>
    private void PrepareImplicitRegisters(TestCase test, OpCodeInfo opCode)
    {
        ref var state = ref test.Start;
        switch (opCode.Mnemonic)
        {
            case Mnemonic.Div or Mnemonic.Idiv when !random.OneIn(4):
                state.Rdx = (ulong)random.Next(3) - 1;
                break;
            case Mnemonic.Leave or Mnemonic.Enter:
                state.Rbp = Arena.High + (uint)ArenaAddress.Pick(random, 8, 8);
                break;
            case Mnemonic.Maskmovq or Mnemonic.Maskmovdqu:
                state.Rdi = Arena.High + (uint)ArenaAddress.Pick(random, 16, 1);
                break;
            default:
                if (!opCode.Code.IsStringInstruction())
                    break;
                state.Rsi = Arena.High + (uint)ArenaAddress.Pick(random, 8, 1);
                state.Rdi = Arena.High + (uint)ArenaAddress.Pick(random, 8, 1);
                state.Rcx = (uint)random.Next(20);
                if (random.OneIn(2))
                    MakeSimilar(test);
                break;
        }
    }

    /// <summary>Lets comparing string instructions run for more than one element.</summary>
    private void MakeSimilar(TestCase test)
    {
        var value = (byte)random.Next();
        test.Start.Rax = value * 0x0101_0101_0101_0101ul;
        test.Memory.AsSpan(Arena.Data).Fill(value);
        for (var i = 0; i < 100; i++)
            test.Memory[Arena.Data + random.Next(Arena.Size - Arena.Data)] ^= 0x10;
    }

    /// <summary>A bit number in a register moves the address: keep it near. False where that register is the address too.</summary>
    private bool LimitBitOffset(TestCase test, ref Instruction instruction)
    {
        if (instruction.Mnemonic is not (Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc)
            || instruction.Op0Kind != OpKind.Memory
            || instruction.Op1Kind != OpKind.Register)
            return true;
        var register = instruction.Op1Register;
        var bit = (ulong)(random.Next(1 << 15) - (1 << 14));
        if (register.GetSize() < 8)
            bit ^= random.Next() << (8 * register.GetSize());
        test.Start.Registers[register.GetNumber()] = bit;
        return !_memory.Uses(in instruction, register.GetNumber());
    }

    /// <summary>Makes indirect jumps, calls and returns mostly end in the code pages.</summary>
    private bool PrepareBranch(TestCase test, ref Instruction instruction)
    {
        if (random.OneIn(8))
            return true;
        var target = (random.OneIn(2) ? Arena.Low : Arena.High) + (uint)random.Next(Arena.CodeSize);
        if (instruction.Mnemonic == Mnemonic.Ret)
            test.Poke(test.Start.Rsp, target);
        if (!instruction.IsJmpNearIndirect && !instruction.IsCallNearIndirect)
            return true;
        if (instruction.Op0Kind == OpKind.Memory)
            test.Poke(MemoryOperandGenerator.LinearAddress(ref test.Start, in instruction), target);
        else
            test.Start.Registers[instruction.Op0Register.GetNumber()] = target;
        return true;
    }

    private sealed class ByteWriter : CodeWriter
    {
        private readonly List<byte> _bytes = [];

        public override void WriteByte(byte value) => _bytes.Add(value);

        public byte[] ToArray() => [.. _bytes];
    }
}
