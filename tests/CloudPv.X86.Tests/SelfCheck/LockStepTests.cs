using System.Diagnostics;
using CloudPv.SelfCheck;
using CloudPv.SelfCheck.Process;
using CloudPv.X86.Tests.Oracle;

namespace CloudPv.X86.Tests.SelfCheck;

/// <summary>Real programs with all optimisations and with none, in lock-step and disturbed: what <c>./cloudpv self-check</c> does for as long as one likes.</summary>
public sealed class LockStepTests
{
    private static readonly TimeSpan KickPeriod = TimeSpan.FromMilliseconds(1);

    public static TheoryData<int, string> Programs =>
        [.. KnownPrograms.Present.Select((program, index) => (index, Path.GetFileName(program.Path)))];

    private static int Seed => (int)SeededRandom.RunSeed;

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_does_the_same_with_all_optimisations_and_with_none(int index, string name)
    {
        using var check = new LockStep(KnownPrograms.Present.ElementAt(index), new TranslatorOptions(), TranslatorOptions.None, Seed, KickPeriod);
        check.Run().ShouldBeEmpty($"{name}: {SeededRandom.HowToRepeat}");
    }

    [Theory]
    [InlineData("-O0")]
    [InlineData("-O2")]
    public async Task A_compiled_mixture_does_the_same_with_all_optimisations_and_with_none(string optimisation)
    {
        var program = await CompileAsync(optimisation);
        using var check = new LockStep(new ProgramToRun(program), new TranslatorOptions(), TranslatorOptions.None, Seed, KickPeriod);
        check.Run(TestContext.Current.CancellationToken).ShouldBeEmpty(SeededRandom.HowToRepeat);
        check.Disturbed.ShouldBePositive();
        File.Delete(program);
    }

    [Fact]
    public void A_register_that_differs_is_told()
    {
        using var check = NewCheck();
        check.Right.Cpu.State.Rbx ^= 1;
        check.Run().ShouldContain("rbx");
    }

    [Fact]
    public void Memory_that_differs_is_told()
    {
        using var check = NewCheck();
        const ulong unusedStack = 8192;
        check.Right.Memory.TryWrite(check.Right.Cpu.State.Rsp - unusedStack, [1]).ShouldBeTrue();
        check.Left.Memory.TryWrite(check.Left.Cpu.State.Rsp - unusedStack, [2]).ShouldBeTrue();
        check.Run().ShouldContain("memory at");
    }

    private static LockStep NewCheck() => new(new ProgramToRun("/bin/true"), new TranslatorOptions(), TranslatorOptions.None, Seed, kickPeriod: null);

    private static async Task<string> CompileAsync(string optimisation)
    {
        var program = Path.GetTempFileName();
        using var gcc = Process.Start("gcc", [optimisation, "-static", KnownPrograms.Mixture, "-lm", "-o", program]);
        await gcc.WaitForExitAsync(TestContext.Current.CancellationToken);
        gcc.ExitCode.ShouldBe(0);
        return program;
    }
}
