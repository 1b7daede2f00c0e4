using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Runs a case on the host CPU and through the translator in each configuration, and tells the differences.</summary>
internal sealed class TranslatorJudge : IDisposable
{
    private readonly HostCpu _host = new();
    private readonly TranslatorRig[] _rigs = TranslatorRig.All();

    public void Dispose()
    {
        _host.Dispose();
        foreach (var rig in _rigs)
            rig.Dispose();
    }

    /// <summary>Empty if all is well.</summary>
    public string Check(TestCase test)
    {
        _host.Adopt(ref test.Start);
        test.Memory.CopyTo(_host.Memory);
        var expected = test.Start;
        var exit = _host.Run(ref expected);
        if (IsUnsupported(exit))
            return "";
        var all = "";
        foreach (var rig in _rigs)
        {
            var differences = Run(rig, test, ref expected, exit);
            if (differences.Length != 0)
                all += $"{rig.Name}:\n{differences}";
        }

        return all.Length == 0 ? "" : $"{test}host: {exit}\n{all}\n";
    }

    private string Run(TranslatorRig rig, TestCase test, ref CpuState expected, CpuExit exit)
    {
        var actual = test.Start;
        var result = rig.Run(ref actual, test.Memory);
        var differences = exit == result ? "" : $"is {result}\n";

        // Where flags are dead, a fault may show anything in them (docs: TranslatorOptions.FlagLiveness).
        var faulted = exit.Kind == CpuExitKind.Exception && rig.Options.FlagLiveness;
        differences += StateText.Differences(ref expected, ref actual, faulted ? Flags.Status : 0, ignoreX87: IsFaultOfMmx(test, exit, expected.Rip));
        if (!_host.Memory.SequenceEqual(rig.Memory))
            differences += $"memory differs at {_host.Memory.CommonPrefixLength(rig.Memory):x}\n";
        return differences;
    }

    private static bool IsUnsupported(CpuExit exit) => exit is { Kind: CpuExitKind.Exception, Vector: 6 };

    /// <summary>Some CPUs have switched from x87 to MMX when the memory operand of an MMX instruction faults, which no software can count on.</summary>
    private static bool IsFaultOfMmx(TestCase test, CpuExit exit, ulong rip) =>
        exit is { Kind: CpuExitKind.Exception, Vector: 14 }
        && test.Instructions.Exists(instruction => instruction.IP == rip && (instruction.Op0Register.IsMM() || instruction.Op1Register.IsMM()));
}
