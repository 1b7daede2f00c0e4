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

    /// <summary>Those of every x86-64 CPU. UMIP's (SGDT and its kin) are answered by Linux itself, and so can't be compared.</summary>
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
