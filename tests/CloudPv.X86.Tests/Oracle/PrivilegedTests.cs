using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Instructions that CPL 3 with IOPL 0 may not execute, on the host as in the translator.</summary>
public sealed class PrivilegedTests
{
    public static TheoryData<Code> Codes => [.. Enum.GetValues<Code>().Where(IsRefused)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void PrivilegedInstructionsGiveGeneralProtection(Code code)
    {
        const int cases = 4;
        using var judge = new TranslatorJudge();
        var random = new SeededRandom(SeededRandom.RunSeed ^ (ulong)code);
        var generator = new InstructionGenerator(random);
        var test = new TestCase();
        for (var i = 0; i < cases; i++)
        {
            generator.TryMake(test, code).ShouldBeTrue();
            judge.Check(test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        }
    }

    /// <summary>The CPU has UMIP. Linux answers these itself, so the host is no oracle.</summary>
    [Theory]
    [InlineData(Code.Sgdt_m1664)]
    [InlineData(Code.Sidt_m1664)]
    [InlineData(Code.Sldt_r32m16)]
    [InlineData(Code.Str_r32m16)]
    [InlineData(Code.Smsw_r32m16)]
    public void DescriptorTableRegistersAreSecret(Code code)
    {
        const int cases = 10;
        using var rig = new TranslatorRig("all on", new TranslatorOptions());
        var random = new SeededRandom(SeededRandom.RunSeed);
        var generator = new InstructionGenerator(random);
        var test = new TestCase();
        for (var i = 0; i < cases; i++)
        {
            generator.TryMake(test, code).ShouldBeTrue();
            var state = test.Start;
            var exit = rig.Run(ref state, test.Memory);

            // The last bytes of the code pages may lie before nothing at all.
            if (exit.Vector != 14)
                exit.ShouldBe(new CpuExit(CpuExitKind.Exception, Vector: 13));
            state.Rip.ShouldBe(test.Start.Rip);
        }
    }

    /// <summary>Those of every x86-64 CPU.</summary>
    private static bool IsRefused(Code code)
    {
        var opCode = code.ToOpCode();
        return opCode.IsInstruction && opCode.Mode64 && opCode.IntelDecoder64 && opCode.AmdDecoder64 && opCode.Encoding == EncodingKind.Legacy
            && opCode.Mnemonic is Mnemonic.Hlt or Mnemonic.Cli or Mnemonic.Sti or Mnemonic.In or Mnemonic.Out
                or Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd
                or Mnemonic.Lgdt or Mnemonic.Lidt or Mnemonic.Lldt or Mnemonic.Ltr or Mnemonic.Lmsw or Mnemonic.Clts
                or Mnemonic.Invd or Mnemonic.Wbinvd or Mnemonic.Invlpg or Mnemonic.Rdmsr or Mnemonic.Wrmsr or Mnemonic.Rdpmc
                or Mnemonic.Swapgs or Mnemonic.Sysret or Mnemonic.Sysretq;
    }
}
