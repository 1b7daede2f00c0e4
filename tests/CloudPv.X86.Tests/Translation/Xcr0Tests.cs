using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>XCR0 decides whether AVX and XSAVE are there.</summary>
public sealed class Xcr0Tests
{
    private const byte InvalidOpcode = 6;
    private const byte DeviceNotAvailable = 7;
    private const byte GeneralProtection = 13;

    private static readonly Dictionary<string, Action<Assembler>> OfAvx = new(StringComparer.Ordinal)
    {
        ["three operands"] = c => c.vpaddd(ymm0, ymm1, ymm2),
        ["memory"] = c => c.vmovups(xmm1, __xmmword_ptr[rsp]),
        ["general register"] = c => c.vmovd(eax, xmm1),
        ["vzeroupper"] = c => c.vzeroupper(),
        ["masked"] = c => c.vmaskmovps(xmm1, xmm2, __xmmword_ptr[rsp]),
        ["gather"] = c => c.vgatherdps(xmm1, __[rsp + xmm2 * 1], xmm3),
    };

    private static readonly Dictionary<string, Action<Assembler>> OfXsave = new(StringComparer.Ordinal)
    {
        ["xsave"] = c => c.xsave(__[rsp]),
        ["xrstor64"] = c => c.xrstor64(__[rsp]),
        ["xgetbv"] = c => c.xgetbv(),
    };

    public static TheoryData<string> AvxNames => [.. OfAvx.Keys];

    public static TheoryData<string> XsaveNames => [.. OfXsave.Keys];

    [Theory]
    [MemberData(nameof(AvxNames))]
    public void AvxIsInvalidUntilItsStateIsEnabled(string name)
    {
        foreach (var states in (ReadOnlySpan<ulong>)[0, 1, 3])
            Run(OfAvx[name], states).ShouldBe(new CpuExit(CpuExitKind.Exception, InvalidOpcode));
        Run(OfAvx[name], CpuFeatures.ExtendedStates).Kind.ShouldBe(CpuExitKind.Syscall);
    }

    [Theory]
    [MemberData(nameof(XsaveNames))]
    public void XsaveIsInvalidWithoutXcr0(string name)
    {
        Run(OfXsave[name], 0).ShouldBe(new CpuExit(CpuExitKind.Exception, InvalidOpcode));
        foreach (var states in (ReadOnlySpan<ulong>)[1, 3, 7])
            Run(OfXsave[name], states).Kind.ShouldBe(CpuExitKind.Syscall);
    }

    [Theory]
    [InlineData(0ul, InvalidOpcode, InvalidOpcode)]
    [InlineData(3ul, DeviceNotAvailable, InvalidOpcode)]
    [InlineData(7ul, DeviceNotAvailable, DeviceNotAvailable)]
    public void TaskSwitchedIsAskedBehindXcr0(ulong states, byte ofXsave, byte ofAvx)
    {
        Run(OfXsave["xsave"], states, taskSwitched: true).ShouldBe(new CpuExit(CpuExitKind.Exception, ofXsave));
        foreach (var instruction in OfAvx.Values)
            Run(instruction, states, taskSwitched: true).ShouldBe(new CpuExit(CpuExitKind.Exception, ofAvx));
    }

    [Fact]
    public void XsetbvIsPrivileged()
    {
        Run(c => c.xsetbv(), 0).ShouldBe(new CpuExit(CpuExitKind.Exception, InvalidOpcode));
        Run(c => c.xsetbv(), 1).ShouldBe(new CpuExit(CpuExitKind.Exception, GeneralProtection));
    }

    [Fact]
    public void BlocksThatRanBeforeAreInvalidOnceTheStateIsTakenAway()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(ecx, 3);
            c.Label(ref loop);
            c.vpaddd(ymm0, ymm0, ymm1);
            c.dec(ecx);
            c.jne(loop);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.SetExtendedStates(CpuFeatures.ExtendedStates).ShouldBeTrue();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.SetExtendedStates(3).ShouldBeTrue();
        cpu.State.Rip = TestGuest.CodeAddress;

        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, InvalidOpcode));
        cpu.State.Rcx.ShouldBe(3ul);
    }

    [Theory]
    [InlineData(2ul)]
    [InlineData(5ul)]
    [InlineData(0xe7ul)]
    public void StatesThatCannotBeTogetherAreRefused(ulong states)
    {
        using var guest = new TestGuest();
        guest.NewCpu().SetExtendedStates(states).ShouldBeFalse();
    }

    [Theory]
    [InlineData(7ul, 1ul << 5, 0ul)]
    [InlineData(3ul, 1ul << 2, 0ul)]
    [InlineData(7ul, 0ul, 1ul << 63)]
    [InlineData(7ul, 1ul << 9, 1ul << 63)]
    public void AnImageThatTheHostKnowsMoreOfIsRefused(ulong states, ulong present, ulong compacted)
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(__qword_ptr[rsp + 512], rcx);
            c.mov(__qword_ptr[rsp + 520], rbx);
            c.mov(__dword_ptr[rsp + 24], 0x1f80);
            c.xrstor(__[rsp]);
            c.syscall();
        });
        foreach (var good in (ReadOnlySpan<bool>)[true, false])
        {
            var cpu = guest.NewCpu();
            cpu.State.Rsp = TestGuest.DataAddress;
            cpu.SetExtendedStates(states).ShouldBeTrue();
            (cpu.State.Rax, cpu.State.Rdx) = (ulong.MaxValue, 5);
            (cpu.State.Rcx, cpu.State.Rbx) = good ? (0, 0) : (present, compacted);

            var exit = cpu.Run();

            exit.ShouldBe(good ? new CpuExit(CpuExitKind.Syscall) : new CpuExit(CpuExitKind.Exception, GeneralProtection));
            cpu.State.Rax.ShouldBe(ulong.MaxValue);
            cpu.State.Rdx.ShouldBe(5ul);
            if (!good)
                (cpu.State.Rcx, cpu.State.Rbx).ShouldBe((present, compacted));
        }
    }

    [Fact]
    public void UpperHalvesAreZeroAfterAnImageWithoutThem()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.vpcmpeqd(ymm5, ymm5, ymm5);
            c.mov(eax, 4);
            c.xor(edx, edx);
            c.mov(__dword_ptr[rsp + 24], 0x1f80);
            c.xrstor(__[rsp]);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Rsp = TestGuest.DataAddress;
        cpu.SetExtendedStates(CpuFeatures.ExtendedStates).ShouldBeTrue();

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.YmmInUse.ShouldBe(0u);
        ((ReadOnlySpan<byte>)cpu.State.Fx)[160 + (16 * 5)].ShouldBe((byte)0xff);
    }

    private static CpuExit Run(Action<Assembler> instruction, ulong states, bool taskSwitched = false)
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.xor(ecx, ecx);
            instruction(c);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Rsp &= ~0xffful;
        cpu.SetExtendedStates(states).ShouldBeTrue();
        cpu.TaskSwitched = taskSwitched;
        return cpu.Run();
    }
}
