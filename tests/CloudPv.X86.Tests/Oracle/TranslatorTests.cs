using System.Text;
using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>The translator against the host CPU, under every switch: single instructions of every code, and random sequences.</summary>
public sealed class TranslatorTests
{
    private const int CasesPerCode = 30;
    private const int Sequences = 6000;
    private const int MostFailures = 10;

    [Fact]
    public void EveryInstructionDoesWhatTheHostDoes()
    {
        using var judge = new TranslatorJudge();
        var failures = new StringBuilder();
        var count = 0;
        foreach (var code in TestedCodes.All)
        {
            var random = new SeededRandom(SeededRandom.RunSeed + (ulong)code);
            var generator = new InstructionGenerator(random);
            var test = new TestCase();
            for (var i = 0; i < CasesPerCode && count < MostFailures; i++)
            {
                generator.TryMake(test, code).ShouldBeTrue($"{code} can't be encoded");
                var failure = judge.Check(test);
                failures.Append(failure);
                if (failure.Length == 0)
                    continue;
                count++;
                break;
            }
        }

        failures.ToString().ShouldBeEmpty(SeededRandom.HowToRepeat);
    }

    [Fact]
    public void RandomSequencesDoWhatTheHostDoes()
    {
        using var judge = new TranslatorJudge();
        var random = new SeededRandom(SeededRandom.RunSeed);
        var generator = new SequenceGenerator(random);
        var test = new TestCase();
        foreach (var _ in Rounds.AtLeast(Sequences))
        {
            generator.Make(test);
            judge.Check(test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        }
    }

    [Fact]
    public void CodeThatChangesItselfDoesWhatTheHostDoes()
    {
        const int programs = 1000;
        using var judge = new TranslatorJudge();
        var random = new SeededRandom(SeededRandom.RunSeed);
        var generator = new SequenceGenerator(random) { ChangesCode = true };
        var test = new TestCase();
        foreach (var _ in Rounds.AtLeast(programs))
        {
            generator.Make(test);
            judge.Check(test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        }
    }

    [Fact]
    public async Task LoopsGoOnAfterEveryKick()
    {
        const int loops = 300;
        using var judge = new TranslatorJudge();
        await using var kicks = new Timer(_ => judge.Kick(), null, dueTime: 0, period: 1);
        var random = new SeededRandom(SeededRandom.RunSeed);
        var generator = new SequenceGenerator(random) { LongestLoop = 5000 };
        var test = new TestCase();
        foreach (var _ in Rounds.AtLeast(loops))
        {
            generator.Make(test);
            judge.Check(test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        }
    }
}
