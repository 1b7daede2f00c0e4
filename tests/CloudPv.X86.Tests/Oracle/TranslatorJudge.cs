using CloudPv.SelfCheck;
using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Runs a case on the host CPU and through the translator in each configuration, and tells the differences.</summary>
internal sealed class TranslatorJudge(CpuMode mode = CpuMode.User) : IDisposable
{
    private const byte InvalidOpcode = 6;
    private const byte GeneralProtection = 13;
    private const byte StackFault = 12;
    private const byte PageFault = 14;
    private const byte X87Error = 16;

    private readonly HostCpu _host = new();
    private readonly TranslatorRig[] _rigs = TranslatorRig.All(mode);

    public void Dispose()
    {
        _host.Dispose();
        foreach (var rig in _rigs)
            rig.Dispose();
    }

    /// <summary>What ended the last case on the host.</summary>
    public CpuExit HostExit { get; private set; }

    /// <summary>Interrupts whichever CPU of ours is running.</summary>
    public void Kick()
    {
        foreach (var rig in _rigs)
            rig.Kick();
    }

    /// <summary>Empty if all is well.</summary>
    public string Check(TestCase test)
    {
        _host.Adopt(ref test.Start);
        test.Memory.CopyTo(_host.Memory);
        var expected = test.Start;
        var exit = _host.Run(ref expected);
        HostExit = exit;
        if (IsException(exit, InvalidOpcode))
            return "";
        var first = "";
        var failing = new List<string>();
        foreach (var rig in _rigs)
        {
            var differences = Run(rig, test, ref expected, exit);
            if (differences.Length == 0)
                continue;
            if (failing.Count == 0)
                first = differences;
            failing.Add(rig.Name);
        }

        return failing.Count == 0 ? "" : $"{test}host: {exit}\n{string.Join(", ", failing)}:\n{first}\n";
    }

    private string Run(TranslatorRig rig, TestCase test, ref CpuState expected, CpuExit exit)
    {
        var actual = test.Start;
        var result = RunOrTell(rig, test, ref actual);
        var rip = expected.Rip;
        var stopped = test.Instructions.Find(instruction => instruction.IP == rip);
        if (IsAllowed(exit, result, in stopped, ref actual))
            return "";
        var differences = exit == result || StringFault.AreOfOneInstruction(exit, result, in stopped) ? "" : $"is {result}\n";
        var ignoreX87 = IsException(exit, PageFault) && (stopped.Op0Register.IsMM() || stopped.Op1Register.IsMM());
        differences += StateText.Differences(ref expected, ref actual, FlagsUnknown(rig.Options, test, exit), ignoreX87);
        if (!_host.Memory.SequenceEqual(rig.Memory))
            differences += $"memory differs at {_host.Memory.CommonPrefixLength(rig.Memory):x}\n";
        return differences;
    }

    private static CpuExit RunOrTell(TranslatorRig rig, TestCase test, ref CpuState state)
    {
        try
        {
            return rig.Run(ref state, test.Memory);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"{rig.Name}, {SeededRandom.HowToRepeat}:\n{test}", failure);
        }
    }

    /// <summary>Differences that are known and kept.</summary>
    private static bool IsAllowed(CpuExit exit, CpuExit result, in Instruction stopped, ref CpuState actual)
    {
        // Of two faults of one instruction the host raises a pending x87 error or a misalignment first; here the guest sees it when the access is in order.
        if ((IsException(exit, X87Error) || IsException(exit, GeneralProtection)) && (IsException(result, PageFault) || IsException(result, StackFault)) && actual.Rip == stopped.IP)
            return true;

        // Of an operand of several parts CPUs touch any byte first.
        if (IsException(exit, PageFault) && IsSameBlock(exit, result, in stopped))
            return true;

        // A jump to an address that isn't canonical faults at its target.
        return IsException(exit, GeneralProtection) && stopped.FlowControl is FlowControl.Return or FlowControl.IndirectBranch or FlowControl.IndirectCall
            && !IsCanonical(actual.Rip);
    }

    private static bool IsSameBlock(CpuExit exit, CpuExit result, in Instruction stopped) =>
        (stopped.MemorySize.GetSize() is not (1 or 2 or 4 or 8 or 16) || stopped.Mnemonic is Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq)
        && exit.FaultAddress / Arena.PageSize == result.FaultAddress / Arena.PageSize
        && exit with { FaultAddress = 0 } == result with { FaultAddress = 0 };

    /// <summary>The status flags that may be anything: where instructions leave them undefined; in a fault, those that are dead; behind calls, returns and indirect jumps, by the ABI, all.</summary>
    private static ulong FlagsUnknown(TranslatorOptions options, TestCase test, CpuExit exit)
    {
        if (!options.FlagLiveness)
            return 0;
        var crossesCall = test.Instructions.Exists(instruction => instruction.FlowControl is FlowControl.Return or FlowControl.Call or FlowControl.IndirectCall or FlowControl.IndirectBranch);
        return exit.Kind == CpuExitKind.Exception || (options.AbiFlags && crossesCall) ? Flags.Status : test.UndefinedFlags;
    }

    private static bool IsException(CpuExit exit, byte vector) => exit.Kind == CpuExitKind.Exception && exit.Vector == vector;

    private static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;
}
