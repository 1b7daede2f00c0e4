using System.Text;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>With RFLAGS.TF set every instruction, and every iteration of a repeated one, is followed by #DB (SDM vol. 3, 18.3.1.4), on the host as in the translator.</summary>
public sealed class SingleStepTests
{
    private const ulong TrapFlag = 1 << 8;
    private const int CasesPerCode = 3;
    private const int MostFailures = 10;

    [Fact]
    public void EveryInstructionTrapsWhenItIsDone()
    {
        using var judge = new TranslatorJudge();
        var failures = new StringBuilder();
        var count = 0;
        foreach (var code in TestedCodes.All)
        {
            var random = new SeededRandom(SeededRandom.RunSeed ^ (ulong)code);
            var generator = new InstructionGenerator(random);
            var test = new TestCase();
            for (var i = 0; i < CasesPerCode && count < MostFailures; i++)
            {
                generator.TryMake(test, code).ShouldBeTrue($"{code} can't be encoded");
                test.Start.Rflags |= TrapFlag;
                var failure = judge.Check(test);
                failures.Append(failure);
                if (failure.Length != 0)
                    count++;
            }
        }

        failures.ToString().ShouldBeEmpty(SeededRandom.HowToRepeat);
    }
}
