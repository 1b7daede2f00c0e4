using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Makes a random instruction of a given code: operands and prefixes, and the registers and memory that give it something sensible to work on.</summary>
internal sealed class InstructionGenerator(SeededRandom random)
{
    private readonly OperandGenerator _operands = new(random);
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
        _operands.Set(ref instruction, _memory);
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
            case Mnemonic.Xlatb:
                state.Rbx = Arena.High + (uint)Arena.Data + (uint)random.Next(Arena.DataSize);
                break;
            case Mnemonic.Leave or Mnemonic.Enter:
                state.Rbp = Arena.High + (uint)ArenaAddress.Pick(random, 8, 8);
                break;
            case Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu:
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
        var target = OperandGenerator.Outside(in instruction, (random.OneIn(2) ? Arena.Low : Arena.High) + (uint)random.Next(Arena.CodeSize));
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
