using System.Text;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>The emulator against the host CPU: every instruction that it handles, from random states.</summary>
public sealed class EmulatorTests
{
    private const int CasesPerCode = 300;

    [Fact]
    public void EveryEmulatedInstructionDoesWhatTheHostDoes()
    {
        using var rig = new EmulatorRig();
        var failures = new StringBuilder();
        foreach (var code in TestedCodes.All)
        {
            var random = new SeededRandom(SeededRandom.RunSeed + (ulong)code);
            var generator = new InstructionGenerator(random);
            var test = new TestCase();
            for (var i = 0; i < CasesPerCode; i++)
            {
                generator.TryMake(test, code).ShouldBeTrue($"{code} can't be encoded");
                var failure = rig.Check(test);
                failures.Append(failure);
                if (failure != "")
                    break;
            }
        }

        failures.ToString().ShouldBeEmpty(SeededRandom.HowToRepeat);
    }
}
