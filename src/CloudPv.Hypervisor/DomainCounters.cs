using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What a domain's vCPUs did so far: a recent value of each count, by name.</summary>
/// <param name="Hypercalls">Calls by hypercall (Xen's names; "unknown" where there is none of that number).</param>
/// <param name="Exits">Returns from guest code by cause.</param>
/// <param name="Translator">What running guest code took, as <see cref="CpuStatistics"/> names it.</param>
public sealed record DomainCounters(
    IReadOnlyDictionary<string, ulong> Hypercalls, IReadOnlyDictionary<string, ulong> Exits, IReadOnlyDictionary<string, ulong> Translator)
{
    internal static DomainCounters Sum(IEnumerable<Vcpu> vcpus)
    {
        var hypercalls = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        var exits = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        var translator = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        foreach (Vcpu vcpu in vcpus)
        {
            vcpu.Counters.AddTo(hypercalls, exits);
            vcpu.Cpu.Statistics.AddTo(translator);
        }

        return new DomainCounters(hypercalls, exits, translator);
    }
}

/// <summary>What one vCPU did so far. Written by its own thread alone; another thread reads a recent value.</summary>
internal sealed class VcpuCounters
{
    private const int ExceptionVectors = 32;
    private static readonly int ExitKinds = Enum.GetValues<CpuExitKind>().Length;

    private readonly ulong[] _hypercalls = new ulong[HypercallTable.Size];
    private readonly ulong[] _exits = new ulong[ExitKinds];
    private readonly ulong[] _exceptions = new ulong[ExceptionVectors];
    private ulong _outOfRange;

    public void CountHypercall(ulong number)
    {
        if (number < HypercallTable.Size)
            _hypercalls[number]++;
        else
            _outOfRange++;
    }

    public void CountExit(in CpuExit exit)
    {
        _exits[(int)exit.Kind]++;
        if (exit.Kind == CpuExitKind.Exception)
            _exceptions[exit.Vector % ExceptionVectors]++;
    }

    public void AddTo(IDictionary<string, ulong> hypercalls, IDictionary<string, ulong> exits)
    {
        for (int number = 0; number < HypercallTable.Size; number++)
            Add(hypercalls, HypercallTable.Name(number), _hypercalls[number]);
        Add(hypercalls, HypercallTable.Unknown, _outOfRange);
        for (int kind = 0; kind < ExitKinds; kind++)
            Add(exits, ((CpuExitKind)kind).ToString(), _exits[kind]);
        for (int vector = 0; vector < ExceptionVectors; vector++)
            Add(exits, $"Exception {vector}", _exceptions[vector]);
    }

    private static void Add(IDictionary<string, ulong> counts, string name, ulong count)
    {
        if (count != 0)
            counts[name] = counts.TryGetValue(name, out ulong sum) ? sum + count : count;
    }
}
