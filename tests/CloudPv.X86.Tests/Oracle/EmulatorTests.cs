using System.Text;
using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>The emulator against the host CPU: every instruction that it handles, from random states.</summary>
public sealed class EmulatorTests
{
    private const int CasesPerCode = 300;
    private const int MostFailures = 20;

    private readonly LinuxDescriptors _descriptors = new();

    [Fact]
    public void EveryEmulatedInstructionDoesWhatTheHostDoes()
    {
        using var host = new HostCpu();
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
                if (Check(host, test) is not { } failure)
                    break;
                if (failure.Length == 0)
                    continue;
                failures.AppendLine(failure);
                count++;
                break;
            }
        }

        failures.ToString().ShouldBeEmpty(SeededRandom.HowToRepeat);
    }

    /// <summary>Null if the emulator doesn't handle the instruction; empty if all is well.</summary>
    private string? Check(HostCpu host, TestCase test)
    {
        var instruction = test.Instructions[0];
        host.Adopt(ref test.Start);
        var memory = (byte[])test.Memory.Clone();
        var actual = test.Start;
        EmulationResult result;
        do
        {
            result = Emulator.Execute(ref actual, in instruction, new ArenaMemory(memory), _descriptors);
        }
        while (result.Status == EmulationStatus.Done && actual.Rip == instruction.IP && instruction.IsStringInstruction);
        if (result.Status == EmulationStatus.NotHandled)
            return null;

        test.Memory.CopyTo(host.Memory);
        var expected = test.Start;
        var exit = host.Run(ref expected);
        if (IsUnsupported(exit) || IsFetchFault(exit, instruction))
            return "";
        var differences = "";
        if (exit.Kind == CpuExitKind.SoftwareInterrupt)
            expected.Rip--;
        if (expected.Rip == instruction.IP && exit.Kind == CpuExitKind.Exception && result.Exit != exit && !IsWithinFxImage(exit, result.Exit, in instruction))
            differences = $"expected {exit}, is {result.Status} {result.Exit}\n";
        differences += StateText.Differences(ref expected, ref actual, Flags.Undefined(in instruction), ignoreX87: IsFaultOfMmx(exit, in instruction));
        if (!host.Memory.SequenceEqual(memory))
            differences += $"memory differs at {host.Memory.CommonPrefixLength(memory):x}\n";
        return differences.Length == 0 ? "" : $"{test}{exit}\n{differences}";
    }

    /// <summary>Some CPUs have switched from x87 to MMX when the memory operand of an MMX instruction faults, which no software can count on.</summary>
    private static bool IsFaultOfMmx(CpuExit exit, in Instruction instruction) =>
        exit is { Kind: CpuExitKind.Exception, Vector: 14 } && instruction.Op1Register.IsMM();

    /// <summary>Of an FXSAVE image on one bad page, CPUs report any byte.</summary>
    private static bool IsWithinFxImage(CpuExit expected, CpuExit actual, in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64
        && expected.FaultAddress / Arena.PageSize == actual.FaultAddress / Arena.PageSize
        && expected with { FaultAddress = 0 } == actual with { FaultAddress = 0 };

    private static bool IsUnsupported(CpuExit exit) => exit is { Kind: CpuExitKind.Exception, Vector: 6 };

    /// <summary>The instruction itself ends in a missing page: fetching is not the emulator's.</summary>
    private static bool IsFetchFault(CpuExit exit, Instruction instruction) =>
        exit is { Kind: CpuExitKind.Exception, Vector: 14 } && (exit.ErrorCode & 16) != 0 && exit.FaultAddress - instruction.IP < (uint)instruction.Length;
}
