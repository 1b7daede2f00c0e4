using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>
/// Sequences of random instructions that share a few base registers, so that accesses are neighbours; with pushes and pops, forward branches and a loop around some of them.
/// Nothing but the sequence's own bookkeeping writes the base registers, so every access stays near where it began.
/// </summary>
internal sealed class SequenceGenerator(SeededRandom random) : IMemoryShape
{
    private const int Longest = 30;
    private const int Slack = 512;

    /// <summary>The most rounds that a loop makes.</summary>
    public int LongestLoop { get; init; } = 5;

    /// <summary>Whether the code changes itself.</summary>
    public bool ChangesCode { get; init; }

    /// <summary>Loading garbage here would end most sequences at once; or what is stored tells the addresses of the x87 code.</summary>
    private static readonly HashSet<Mnemonic> Unsuitable =
    [
        Mnemonic.Fnstenv, Mnemonic.Fnsave, Mnemonic.Fxsave, Mnemonic.Fxsave64,
        Mnemonic.Fldenv, Mnemonic.Frstor, Mnemonic.Fxrstor, Mnemonic.Fxrstor64, Mnemonic.Ldmxcsr, Mnemonic.Fldcw, Mnemonic.Enter, Mnemonic.Leave, Mnemonic.Xlatb,
        Mnemonic.Popf, Mnemonic.Popfq, Mnemonic.Div, Mnemonic.Idiv, Mnemonic.Maskmovq, Mnemonic.Maskmovdqu, Mnemonic.Vmaskmovdqu, Mnemonic.Vldmxcsr,
    ];

    private static readonly Code[] Pool = [.. TestedCodes.All.Where(IsSafe)];

    /// <summary>Plain integer code, which is most of what guests run.</summary>
    private static readonly Code[] Common = [.. Pool.Where(code => code.CpuidFeatures().All(feature => feature < CpuidFeature.FPU || feature is CpuidFeature.X64 or CpuidFeature.CMOV or CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.ADX))];

    private static readonly Code[] Strings = [.. TestedCodes.All.Where(code => code.IsStringInstruction())];

    private static readonly Code[] Branches = [.. TestedCodes.All.Where(code => code.IsJccNear() || code.IsJccShort())];

    private readonly InstructionInfoFactory _info = new();
    private readonly OperandGenerator _operands = new(random);
    private readonly List<Instruction> _instructions = [];
    private readonly List<Register> _bases = [];

    /// <summary>Places inside an idiom, to which no branch may lead.</summary>
    private readonly HashSet<int> _inner = [];
    private Register _counter;
    private Register _index;

    public void Make(TestCase test)
    {
        while (!TryMake(test))
        {
        }
    }

    public void Shape(ref Instruction instruction, bool moffs)
    {
        instruction.MemoryIndexScale = 1;
        if (moffs)
        {
            instruction.MemoryDisplSize = 8;
            instruction.MemoryDisplacement64 = Arena.Low + (uint)ArenaAddress.Pick(random, 8, 1);
            return;
        }

        var size = instruction.MemorySize.GetSize();
        var alignment = size >= 16 || random.OneIn(2) ? 16 : 1;
        instruction.MemoryBase = random.Pick<Register>([.. _bases]);
        instruction.MemoryDisplSize = 1;
        instruction.MemoryDisplacement64 = (ulong)(long)((random.Next(random.OneIn(2) ? 96 : Slack) - 32) & -alignment);
        if (random.OneIn(8))
            instruction.SegmentPrefix = random.OneIn(2) ? Register.FS : Register.GS;
        if (_index == Register.None || !random.OneIn(4))
            return;
        instruction.MemoryIndex = _index;
        instruction.MemoryIndexScale = 1 << random.Next(4);
    }

    private bool TryMake(TestCase test)
    {
        test.Clear(random);
        PickRegisters(test);
        _instructions.Clear();
        _inner.Clear();
        var length = 4 + random.Next(Longest - 4);
        while (_instructions.Count < length)
            Add();
        Link();
        var undefined = UndefinedFlags.RemoveReaders(_instructions);
        var address = (random.OneIn(2) ? Arena.Low : Arena.High) + (uint)(ChangesCode ? Arena.ChangeableCode + random.Next(Arena.PageSize - 512) : random.Next(Arena.CodeSize - 512));
        var block = new InstructionBlock(new CodeBytes(), _instructions, address);
        if (!BlockEncoder.TryEncode(64, block, out _, out _) || ((CodeBytes)block.CodeWriter).Bytes.Count > Arena.CodeSize - (int)(address & (Arena.CodeSize - 1)))
            return false;
        test.Place(((CodeBytes)block.CodeWriter).Bytes.ToArray(), address);
        test.UndefinedFlags = undefined;
        return true;
    }

    /// <summary>RSP and some others point into the data pages; one may count a loop.</summary>
    private void PickRegisters(TestCase test)
    {
        _bases.Clear();
        _bases.Add(Register.RSP);
        test.Start.Rsp = PickBase();
        for (var i = 1 + random.Next(3); i > 0; i--)
        {
            var number = random.Next(16);
            var register = Register.RAX + number;
            if (_bases.Contains(register))
                continue;
            _bases.Add(register);
            test.Start.Registers[number] = PickBase();
        }

        (_counter, _index) = (Register.None, Register.None);
        _counter = PickFree();
        if (_counter != Register.None)
            test.Start.Registers[_counter.GetNumber()] = 1 + (ulong)random.Next(LongestLoop);
        _index = PickFree();
        if (_index != Register.None)
            test.Start.Registers[_index.GetNumber()] = (ulong)random.Next(16);
        test.Start.FsBase = (ulong)random.Next(4) * 16;
        test.Start.GsBase = (ulong)random.Next(4) * 16;
    }

    /// <summary>A register for some purpose; or none, half of the time.</summary>
    private Register PickFree()
    {
        var register = Register.RAX + random.Next(16);
        return random.OneIn(2) || IsReserved(register) ? Register.None : register;
    }

    /// <summary>Mostly with room on both sides; sometimes where rights end.</summary>
    private ulong PickBase()
    {
        var offset = random.OneIn(4) ? random.Pick<int>(Arena.Edges) - random.Next(Slack) : Arena.Data + Slack + random.Next(Arena.DataSize - (2 * Slack));
        return (random.OneIn(2) ? Arena.Low : Arena.High) + (uint)(offset & (random.OneIn(8) ? -1 : -16));
    }

    private void Add()
    {
        switch (random.Next(10))
        {
            case 0 when ChangesCode && random.OneIn(2):
                AddChangeOfCode();
                break;
            case 0:
                AddPushOrPop();
                break;
            case 1:
                Append(Instruction.CreateBranch(random.Pick<Code>(Branches), 0));
                break;
            case 2 when random.OneIn(2):
                AddBaseMove();
                break;
            case 2 when random.OneIn(2):
                AddStringOperation();
                break;
            case 2:
                AddCall();
                break;
            case <= 5:
                AddRandom(random.Pick<Code>(Common));
                break;
            default:
                AddRandom(random.Pick<Code>(Pool));
                break;
        }
    }

    private void AddPushOrPop()
    {
        var register = Register.RAX + random.Next(16);
        if (random.OneIn(2))
            Append(Instruction.Create(Code.Push_r64, register));
        else if (!IsReserved(register))
            Append(Instruction.Create(Code.Pop_r64, register));
    }

    private void AddBaseMove()
    {
        var register = random.Pick<Register>([.. _bases]);
        var distance = 8 * (random.Next(9) - 4);
        Append(random.OneIn(2)
            ? Instruction.Create(Code.Lea_r64_m, register, new MemoryOperand(register, distance, 1))
            : Instruction.Create(Code.Add_rm64_imm8, register, distance));
    }

    /// <summary>A direct or indirect call, an indirect jump or a return, to just behind it. There, as behind every call, flags are dead.</summary>
    private void AddCall()
    {
        var target = Register.RAX + random.Next(16);
        if (IsReserved(target))
            return;
        var start = _instructions.Count;
        var kind = random.Next(4);
        var behind = (ulong)start + (kind == 0 ? 2ul : kind == 1 ? 4ul : 3ul);
        if (kind != 0)
            Append(Instruction.Create(Code.Lea_r64_m, target, new MemoryOperand(Register.RIP, (long)behind, 8)));
        switch (kind)
        {
            case 0:
                Append(Instruction.CreateBranch(Code.Call_rel32_64, behind));
                break;
            case 1:
                Append(Instruction.Create(Code.Push_r64, target));
                Append(Instruction.Create(Code.Retnq));
                break;
            case 2:
                Append(Instruction.Create(Code.Jmp_rm64, target));
                break;
            default:
                Append(Instruction.Create(Code.Call_rm64, target));
                break;
        }

        Append(Instruction.Create(Code.Cmp_rm64_imm8, target, random.Next(128)));
        if (kind is 0 or 3)
            Append(Instruction.Create(Code.Lea_r64_m, Register.RSP, new MemoryOperand(Register.RSP, 8, 1)));
        Close(start);
    }

    /// <summary>Counts up the constant of a MOV that comes next, or that a loop comes to again.</summary>
    private void AddChangeOfCode()
    {
        var pointer = Register.RAX + random.Next(16);
        var target = Register.EAX + random.Next(8);
        if (IsReserved(pointer) || IsReserved(target.GetFullRegister()))
            return;
        var start = _instructions.Count;
        var before = random.OneIn(2);
        var move = Instruction.Create(Code.Mov_r32_imm32, target, (int)random.Next());
        if (!before)
            Append(move);
        Append(Instruction.Create(Code.Lea_r64_m, pointer, new MemoryOperand(Register.RIP, before ? start + 3 : start + 1, 8)));
        Append(Instruction.Create(Code.Inc_rm8, new MemoryOperand(pointer, 1, 1)));
        if (before)
            Append(move);
        Close(start);
    }

    private void AddStringOperation()
    {
        if (IsReserved(Register.RSI) || IsReserved(Register.RDI) || IsReserved(Register.RCX) || IsReserved(Register.RAX))
            return;
        var start = _instructions.Count;
        Append(Instruction.Create(Code.Lea_r64_m, Register.RSI, new MemoryOperand(random.Pick<Register>([.. _bases]), random.Next(Slack), 1)));
        Append(Instruction.Create(Code.Lea_r64_m, Register.RDI, new MemoryOperand(random.Pick<Register>([.. _bases]), random.Next(Slack), 1)));
        Append(Instruction.Create(Code.Mov_r32_imm32, Register.ECX, random.Next(20)));
        var text = new Instruction { Code = random.Pick<Code>(Strings) };
        _operands.Set(ref text, this);
        text.HasRepPrefix = random.OneIn(2);
        text.HasRepnePrefix = !text.HasRepPrefix && text.Code.ToOpCode().CanUseRepnePrefix && random.OneIn(2);
        Append(text);
        Close(start);
    }

    /// <summary>Everything since <paramref name="start"/> belongs together.</summary>
    private void Close(int start)
    {
        for (var i = start + 1; i < _instructions.Count; i++)
            _inner.Add(i);
    }

    private void AddRandom(Code code)
    {
        var instruction = new Instruction { Code = code };
        _operands.Set(ref instruction, this);
        if (instruction.Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc && instruction.Op1Kind == OpKind.Register)
        {
            if (_index == Register.None)
                return;
            instruction.Op1Register = instruction.Op1Register - instruction.Op1Register.GetNumber() + _index.GetNumber();
        }

        if (instruction.Op0Kind == OpKind.Memory && code.ToOpCode().CanUseLockPrefix)
            instruction.HasLockPrefix = random.OneIn(4);
        if (!InstructionGenerator.TryEncode(in instruction, Arena.Low, out _) || ChangesReserved(in instruction))
            return;
        Append(instruction);
    }

    private bool ChangesReserved(in Instruction instruction)
    {
        foreach (var used in _info.GetInfo(in instruction).GetUsedRegisters())
        {
            if (used.Access is not (OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess or OpAccess.None) && IsReserved(used.Register.GetFullRegister()))
                return true;
        }

        return false;
    }

    private bool IsReserved(Register register) => register == _counter || register == _index || _bases.Contains(register);

    /// <summary>Labels the instruction with its place, by which branches name it until it has an address.</summary>
    private void Append(Instruction instruction)
    {
        instruction.IP = (ulong)_instructions.Count + 1;
        _instructions.Add(instruction);
    }

    /// <summary>Points the branches forward, and closes the loop if there is one.</summary>
    private void Link()
    {
        if (_counter != Register.None)
        {
            Append(Instruction.Create(Code.Dec_rm64, _counter));
            Append(Instruction.CreateBranch(Code.Jne_rel32_64, 1 + (ulong)Outer(random.Next(_instructions.Count - 1))));
        }

        // A branch past the counting would loop forever: none of them leads to the last two, the loop's own branch and the end.
        Append(Instruction.Create(Code.Int3));
        var reachable = _instructions.Count - (_counter == Register.None ? 0 : 2);
        for (var i = 0; i < _instructions.Count; i++)
        {
            var instruction = _instructions[i];
            if (instruction.Op0Kind != OpKind.NearBranch64 || instruction.NearBranch64 != 0)
                continue;
            instruction.NearBranch64 = 1 + (ulong)Outer(Math.Min(i + 1 + random.Next(6), reachable - 1));
            _instructions[i] = instruction;
        }
    }

    /// <summary>The first place from here on that isn't inside an idiom.</summary>
    private int Outer(int place)
    {
        while (_inner.Contains(place))
            place++;
        return place;
    }

    private static bool IsSafe(Code code)
    {
        var opCode = code.ToOpCode();
        for (var operand = 0; operand < opCode.OpCount; operand++)
        {
            if (opCode.GetOpKind(operand) is OpCodeOperandKind.br64_1 or OpCodeOperandKind.br64_4)
                return false;
        }

        return code.FlowControl() == FlowControl.Next && !code.IsStringInstruction() && !Unsuitable.Contains(code.Mnemonic());
    }

    private sealed class CodeBytes : CodeWriter
    {
        public List<byte> Bytes { get; } = [];

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
