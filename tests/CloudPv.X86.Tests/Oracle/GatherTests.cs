using System.Buffers.Binary;
using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>The gathers of AVX2 against the host CPU, by the translator and by the emulator.</summary>
public sealed class GatherTests : IDisposable
{
    private const int CasesPerCode = 200;
    private const int XmmRegisters = 160;

    private static readonly Code[] Codes = [.. Enum.GetValues<Code>().Where(code => code.ToOpCode() is { IsInstruction: true, Encoding: EncodingKind.VEX } opCode && UsesVectorIndex(opCode))];

    private readonly TranslatorJudge _judge = new();
    private readonly EmulatorRig _emulator = new();
    private readonly TestCase _test = new();
    private readonly SeededRandom _random = new(SeededRandom.RunSeed);

    public void Dispose()
    {
        _judge.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public void EveryGatherDoesWhatTheHostDoes()
    {
        Codes.Length.ShouldBe(16);
        foreach (var code in Codes)
        {
            for (var i = 0; i < CasesPerCode; i++)
                CheckOne(code);
        }
    }

    private void CheckOne(Code code)
    {
        _test.Clear(_random);
        var opCode = code.ToOpCode();
        var wideIndex = opCode.GetOpKind(1) is OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y;
        var longIndex = opCode.GetOpKind(1) is OpCodeOperandKind.mem_vsib64x or OpCodeOperandKind.mem_vsib64y;
        var first = opCode.GetOpKind(0) == OpCodeOperandKind.ymm_reg ? Register.YMM0 : Register.XMM0;
        var destination = _random.Next(16);
        var index = (destination + 1 + _random.Next(15)) % 16;
        var mask = _random.OneIn(16) ? index : (index + 1 + _random.Next(15)) % 16;
        var scale = 1 << _random.Next(4);
        var operand = new MemoryOperand(Register.RBX, (wideIndex ? Register.YMM0 : Register.XMM0) + index, scale, _random.Next(100), 1);
        var faults = _random.OneIn(4);
        FillIndices(index, longIndex ? 8 : 4, Arena.DataSize / 2 / scale, faults);
        if (faults)
            FillMask(mask);
        _test.Start.Rbx = Arena.High + Arena.Data + (Arena.DataSize / 2) - 200;
        var instruction = Instruction.Create(code, first + destination, operand, first + mask);
        if (!InstructionGenerator.TryEncode(in instruction, Arena.Low, out var bytes))
            throw new InvalidOperationException($"{code} can't be encoded.");
        _test.Place(bytes, Arena.Low);
        _judge.Check(_test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        (_emulator.Check(_test) ?? "").ShouldBeEmpty(SeededRandom.HowToRepeat);
    }

    private void FillIndices(int register, int size, int limit, bool faults)
    {
        foreach (var half in (ReadOnlySpan<bool>)[false, true])
        {
            var bytes = Half(register, half);
            for (var at = 0; at < 16; at += size)
            {
                var index = faults && _random.OneIn(4) ? limit * 8 : _random.Next(2 * (limit - 200)) - (limit - 200);
                if (size == 4)
                    BinaryPrimitives.WriteInt32LittleEndian(bytes[at..], index);
                else
                    BinaryPrimitives.WriteInt64LittleEndian(bytes[at..], index);
            }
        }
    }

    /// <summary>All or nothing of each element: of one that has only its top bit set, CPUs make something else before a fault.</summary>
    private void FillMask(int register)
    {
        foreach (var half in (ReadOnlySpan<bool>)[false, true])
        {
            Half(register, half)[..8].Fill(_random.OneIn(3) ? (byte)0 : (byte)0xff);
            Half(register, half)[8..].Fill(_random.OneIn(3) ? (byte)0 : (byte)0xff);
        }
    }

    private Span<byte> Half(int register, bool upper) =>
        upper ? ((Span<byte>)_test.Start.Ymm).Slice(16 * register, 16) : ((Span<byte>)_test.Start.Fx).Slice(XmmRegisters + (16 * register), 16);

    private static bool UsesVectorIndex(OpCodeInfo opCode) =>
        opCode.OpCount == 3 && opCode.GetOpKind(1) is OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64x or OpCodeOperandKind.mem_vsib64y;
}
