using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Exceptions that instructions raise by themselves: the same on the host and in the translator, with RSP, flags and memory as they were before the instruction.</summary>
public sealed class ExceptionTests : IDisposable
{
    private const byte DivideError = 0;
    private const byte GeneralProtection = 13;
    private const byte StackFault = 12;
    private const byte X87Error = 16;
    private const byte SimdError = 19;
    private const int Mxcsr = 24;
    private const ulong NotCanonical = 0x8000_0000_0000_0000;

    private readonly TranslatorJudge _judge = new();
    private readonly TestCase _test = new();
    private readonly SeededRandom _random = new(SeededRandom.RunSeed);

    public void Dispose() => _judge.Dispose();

    [Fact]
    public void DivisionByZeroGivesDivideError() => Expect(DivideError, code =>
    {
        code.xor(ecx, ecx);
        code.push(rcx);
        code.div(rcx);
        code.pop(rcx);
    });

    [Fact]
    public void QuotientThatOverflowsGivesDivideError() => Expect(DivideError, code =>
    {
        code.mov(eax, int.MinValue);
        code.cdq();
        code.mov(__dword_ptr[rsp], -1);
        code.push(rdx);
        code.idiv(__dword_ptr[rsp + 8]);
    });

    [Fact]
    public void MisalignedVectorGivesGeneralProtection() => Expect(GeneralProtection, code =>
    {
        code.movups(xmm1, __[rsp + 8]);
        code.push(rax);
        code.movaps(__[rsp], xmm1);
    });

    [Fact]
    public void AddressThatIsNotCanonicalGivesGeneralProtection() => Expect(GeneralProtection, code =>
    {
        code.mov(rbx, NotCanonical);
        code.push(rax);
        code.mov(eax, __[rbx]);
    });

    [Fact]
    public void StackThatIsNotCanonicalGivesStackFault() => Expect(StackFault, code =>
    {
        code.mov(rbp, NotCanonical);
        code.push(rax);
        code.mov(eax, __[rbp + 8]);
    });

    [Fact]
    public void UnmaskedSimdExceptionIsRaisedByTheInstruction() => Expect(SimdError, code =>
    {
        code.mov(__dword_ptr[rsp], 0);
        code.ldmxcsr(__dword_ptr[rsp]);
        code.pcmpeqd(xmm0, xmm0);
        code.psrld(xmm0, 31);
        code.push(rax);
        code.mulps(xmm0, xmm0);
    });

    [Fact]
    public void UnmaskedX87ExceptionIsRaisedByTheNextWaitingInstruction() => Expect(X87Error, code =>
    {
        code.mov(__word_ptr[rsp], 0x340);
        code.fninit();
        code.fldcw(__word_ptr[rsp]);
        code.fldz();
        code.fld1();
        code.fdivrp(st1, st0);
        code.push(rax);
        code.fnstsw(ax);
        code.wait();
    });

    private void Expect(byte vector, Action<Assembler> emit)
    {
        _test.Clear(_random);
        _test.Start.Rsp = Arena.High + Arena.Data + Arena.PageSize;
        BinaryPrimitives.WriteUInt32LittleEndian(((Span<byte>)_test.Start.Fx)[Mxcsr..], 0x1f80);
        BinaryPrimitives.WriteUInt16LittleEndian(_test.Start.Fx, 0x37f);
        BinaryPrimitives.WriteUInt16LittleEndian(((Span<byte>)_test.Start.Fx)[2..], 0);
        var code = new Assembler(64);
        emit(code);
        var stream = new MemoryStream();
        code.Assemble(new StreamCodeWriter(stream), Arena.Low);
        _test.Place(stream.ToArray(), Arena.Low);
        _judge.Check(_test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        _judge.HostExit.ShouldBe(new CpuExit(CpuExitKind.Exception, vector));
    }
}
