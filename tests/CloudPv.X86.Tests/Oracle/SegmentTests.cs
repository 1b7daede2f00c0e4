using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>What the emulator, and the translator through it, do with segment selectors, against the host CPU and Linux's descriptors.</summary>
public sealed class SegmentTests : IDisposable
{
    private const int CasesPerCode = 1000;

    // Null; kernel code and data; 64-bit user code; user data; an empty entry; the LDT; beyond the table; random.
    private static readonly ushort[] Selectors = [0, 0x08, 0x10, 0x13, 0x1b, 0x30, 0x33, 0x28, 0x2a, 0x2b, 0x63, 0x07, 0x83, 0x8b, 0xffff];

    private readonly EmulatorRig _rig = new();
    private readonly TranslatorJudge _judge = new();
    private readonly SeededRandom _random = new(SeededRandom.RunSeed);

    public void Dispose()
    {
        _rig.Dispose();
        _judge.Dispose();
    }

    [Theory]
    [InlineData(Register.DS)]
    [InlineData(Register.ES)]
    [InlineData(Register.SS)]
    [InlineData(Register.FS)]
    [InlineData(Register.GS)]
    public void MovLoadsAndStoresASegmentRegister(Register segment) => Check(test =>
    {
        test.Start.Rax = PickSelector();
        return
        [
            Instruction.Create(Code.Mov_Sreg_r32m16, segment, Register.EAX),
            Instruction.Create(Code.Mov_rm16_Sreg, Register.CX, segment),
            Instruction.Create(Code.Mov_r32m16_Sreg, Register.EDX, segment),
            Instruction.Create(Code.Mov_r64m16_Sreg, Register.R10, segment),
            Instruction.Create(Code.Mov_rm16_Sreg, new MemoryOperand(Register.RSP, -64, 1), segment),
        ];
    });

    [Theory]
    [InlineData(Code.Popq_FS, Register.FS)]
    [InlineData(Code.Popq_GS, Register.GS)]
    [InlineData(Code.Popw_FS, Register.FS)]
    [InlineData(Code.Popw_GS, Register.GS)]
    public void PopLoadsASegmentRegister(Code code, Register segment) => Check(test =>
    {
        test.Poke(test.Start.Rsp, PickSelector() | (_random.Next() << 16));
        return [Instruction.Create(code, segment), Instruction.Create(Code.Mov_r32m16_Sreg, Register.ECX, segment)];
    });

    [Theory]
    [InlineData(Code.Lss_r32_m1632, Register.SS)]
    [InlineData(Code.Lfs_r32_m1632, Register.FS)]
    [InlineData(Code.Lgs_r32_m1632, Register.GS)]
    public void FarPointerLoadsTakeOffsetAndSelector(Code code, Register segment) => Check(test =>
    {
        test.Poke(test.Start.Rsp, _random.Next() >> 32 | ((ulong)PickSelector() << 32));
        return
        [
            Instruction.Create(code, Register.R9D, new MemoryOperand(Register.RSP)),
            Instruction.Create(Code.Mov_r32m16_Sreg, Register.ECX, segment),
        ];
    });

    [Theory]
    [InlineData(Code.Lar_r64_r64m16, Register.RCX, Register.RAX)]
    [InlineData(Code.Lsl_r64_r64m16, Register.RCX, Register.RAX)]
    [InlineData(Code.Lar_r32_r32m16, Register.R9D, Register.EAX)]
    [InlineData(Code.Lsl_r32_r32m16, Register.R9D, Register.EAX)]
    [InlineData(Code.Lar_r16_rm16, Register.SP, Register.AX)]
    [InlineData(Code.Lsl_r16_rm16, Register.SP, Register.AX)]
    public void QueriesAnswerWithTheZeroFlag(Code code, Register destination, Register source) => Check(test =>
    {
        test.Start.Rax = PickSelector();
        test.Poke(test.Start.Rsp, PickSelector());
        return [Instruction.Create(code, destination, source), Instruction.Create(code, destination, new MemoryOperand(Register.RSP))];
    });

    [Theory]
    [InlineData(Code.Verr_r32m16)]
    [InlineData(Code.Verw_r32m16)]
    public void VerificationsAnswerWithTheZeroFlag(Code code) => Check(test =>
    {
        test.Start.Rax = PickSelector();
        test.Poke(test.Start.Rsp, PickSelector());
        return _random.OneIn(2) ? [Instruction.Create(code, Register.EAX)] : [Instruction.Create(code, new MemoryOperand(Register.RSP))];
    });

    [Theory]
    [InlineData(Code.Iretq, 8)]
    [InlineData(Code.Iretd, 4)]
    [InlineData(Code.Iretw, 2)]
    public void InterruptReturnLoadsItsFiveSlots(Code code, int size) => Check(test =>
    {
        const ulong notTested = (1 << 8) | (1 << 16) | (1 << 18);
        if (_random.OneIn(16))
            test.Start.Rflags |= 1 << 14;
        ReadOnlySpan<ulong> frame =
        [
            PickTarget(), _random.OneIn(3) ? PickSelector() : 0x33ul, _random.Next() & ~notTested,
            _random.OneIn(8) ? _random.Next() : Arena.Low + Arena.Data, _random.OneIn(3) ? PickSelector() : 0x2bul,
        ];
        for (var i = 0; i < frame.Length; i++)
            test.Poke(test.Start.Rsp + (ulong)(i * size), frame[i]);
        return [Instruction.Create(code)];
    });

    [Theory]
    [InlineData(Code.Retfq, 8)]
    [InlineData(Code.Retfd, 4)]
    [InlineData(Code.Retfw, 2)]
    [InlineData(Code.Retfq_imm16, 8)]
    [InlineData(Code.Retfd_imm16, 4)]
    [InlineData(Code.Retfw_imm16, 2)]
    public void FarReturnLoadsTwoSlots(Code code, int size) => Check(test =>
    {
        // Some CPUs read the slots of an outer stack before they refuse the selector: keep those in place.
        var good = _random.OneIn(2);
        if (!good)
            test.Start.Rsp = Arena.High + Arena.Data;
        test.Poke(test.Start.Rsp, PickTarget());
        test.Poke(test.Start.Rsp + (ulong)size, good ? 0x33ul : PickSelector());
        return [code.ToOpCode().OpCount == 0 ? Instruction.Create(code) : Instruction.Create(code, _random.Next(good ? 1 << 16 : Arena.PageSize))];
    });

    [Theory]
    [InlineData(Code.Call_m1632)]
    [InlineData(Code.Call_m1616)]
    [InlineData(Code.Jmp_m1632)]
    [InlineData(Code.Jmp_m1616)]
    public void FarCallsAndJumpsGoThroughMemory(Code code) => Check(test =>
    {
        var size = code is Code.Call_m1632 or Code.Jmp_m1632 ? 4 : 2;
        test.Start.Rbx = Arena.High + (uint)ArenaAddress.Pick(_random, 8, 1);
        test.Poke(test.Start.Rbx, PickTarget());
        test.Poke(test.Start.Rbx + (ulong)size, _random.OneIn(3) ? PickSelector() : 0x33ul);
        return [Instruction.Create(code, new MemoryOperand(Register.RBX))];
    });

    private ushort PickSelector()
    {
        // Not the 32-bit user code segment, which this CPU refuses, nor Linux's per-CPU segment, whose limit is the CPU's number;
        // and of the null selectors only 0, since Linux may make that of the others at any time.
        const int compatibilityCode = 0x20;
        const int perCpu = 0x78;
        var selector = _random.OneIn(4) ? (ushort)_random.Next(0x100) : _random.Pick<ushort>(Selectors);
        return ((selector & ~7) is compatibilityCode or perCpu && (selector & 4) == 0) || selector < 4 ? (ushort)0 : selector;
    }

    /// <summary>In the second code page; the instruction stands in the first.</summary>
    private ulong PickTarget() => _random.OneIn(8) ? _random.Next() : Arena.Low + Arena.PageSize + (uint)_random.Next(Arena.PageSize);

    private void Check(Func<TestCase, Instruction[]> make)
    {
        var test = new TestCase();
        for (var i = 0; i < CasesPerCode; i++)
        {
            test.Clear(_random);
            test.Start.Rsp = (_random.OneIn(2) ? Arena.Low : Arena.High) + (uint)ArenaAddress.Pick(_random, 40, alignment: _random.OneIn(4) ? 1 : 8);
            var address = Arena.High + (uint)_random.Next(Arena.PageSize - 64);
            var code = new List<byte>();
            foreach (var instruction in make(test))
            {
                InstructionGenerator.TryEncode(in instruction, address + (uint)code.Count, out var bytes).ShouldBeTrue();
                code.AddRange(bytes);
            }

            test.Place(code.ToArray(), address);
            _rig.Check(test).ShouldNotBeNull().ShouldBeEmpty(SeededRandom.HowToRepeat);
            if (i % 10 == 0)
                _judge.Check(test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        }
    }
}
