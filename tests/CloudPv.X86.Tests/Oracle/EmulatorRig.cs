using CloudPv.SelfCheck;
using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Runs a case on the host CPU and through the emulator, and tells the difference.</summary>
internal sealed class EmulatorRig : IDisposable
{
    private readonly HostCpu _host = new();
    private readonly LinuxDescriptors _descriptors = new();

    public void Dispose() => _host.Dispose();

    /// <summary>Null if the emulator doesn't handle one of the instructions; empty if all is well.</summary>
    public string? Check(TestCase test)
    {
        _host.Adopt(ref test.Start);
        var actual = test.Start;
        var memory = (byte[])test.Memory.Clone();
        var result = Emulate(test, ref actual, memory);
        if (result.Status == EmulationStatus.NotHandled)
            return null;

        test.Memory.CopyTo(_host.Memory);
        var expected = test.Start;
        var exit = _host.Run(ref expected);
        var last = test.Instructions[^1];
        if (IsUnsupported(exit) || IsFetchFault(exit, test.Instructions[0]))
            return "";
        var differences = "";
        if (exit.Kind == CpuExitKind.SoftwareInterrupt)
            expected.Rip--;
        if (result.Status == EmulationStatus.Raised && result.Exit != exit && !IsSameBlock(exit, result.Exit, in last) && !StringFault.AreOfOneInstruction(exit, result.Exit, in last))
            differences = $"is {result.Exit}\n";
        differences += StateText.Differences(ref expected, ref actual, test.UndefinedFlags, ignoreX87: IsFaultOfMmx(exit, in last));
        if (!_host.Memory.SequenceEqual(memory))
            differences += $"memory differs at {_host.Memory.CommonPrefixLength(memory):x}\n";
        return differences.Length == 0 ? "" : $"{test}host: {exit}\n{differences}";
    }

    /// <summary>Emulates from one of the case's instructions to the next, until one leaves them or raises something.</summary>
    private EmulationResult Emulate(TestCase test, ref CpuState state, byte[] memory)
    {
        while (true)
        {
            var rip = state.Rip;
            var index = test.Instructions.FindIndex(instruction => instruction.IP == rip);
            if (index < 0)
                return new EmulationResult(EmulationStatus.Done);
            var instruction = test.Instructions[index];
            var result = Emulator.Execute(ref state, in instruction, new ArenaMemory(memory), _descriptors);
            if (result.Status != EmulationStatus.Done)
                return result;
        }
    }

    /// <summary>Some CPUs have switched from x87 to MMX when the memory operand of an MMX instruction faults, which no software can count on.</summary>
    private static bool IsFaultOfMmx(CpuExit exit, in Instruction instruction) =>
        exit is { Kind: CpuExitKind.Exception, Vector: 14 } && instruction.Op1Register.IsMM();

    /// <summary>Of an FXSAVE or XSAVE image, or the slots of a far return, CPUs touch any first.</summary>
    private static bool IsSameBlock(CpuExit expected, CpuExit actual, in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64
            or Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xrstor or Mnemonic.Xrstor64
            or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq or Mnemonic.Retf
        && expected.FaultAddress / Arena.PageSize == actual.FaultAddress / Arena.PageSize
        && expected with { FaultAddress = 0 } == actual with { FaultAddress = 0 };

    private static bool IsUnsupported(CpuExit exit) => exit is { Kind: CpuExitKind.Exception, Vector: 6 };

    /// <summary>The instruction itself ends in a missing page: fetching is not the emulator's.</summary>
    private static bool IsFetchFault(CpuExit exit, Instruction instruction) =>
        exit is { Kind: CpuExitKind.Exception, Vector: 14 } && (exit.ErrorCode & 16) != 0 && exit.FaultAddress - instruction.IP < (uint)instruction.Length;
}
