using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What one vCPU did so far. Written by its own thread alone; another thread reads a recent value.</summary>
public sealed class VcpuCounters
{
    private readonly ulong[] _hypercalls = new ulong[HypercallTable.Size];

    /// <summary>Hypercalls with a number beyond the table.</summary>
    public ulong OutOfRangeHypercalls { get; private set; }

    public ulong Hypercalls(HypercallNumber number) => Volatile.Read(ref _hypercalls[(int)number]);

    internal void CountHypercall(ulong number)
    {
        if (number < HypercallTable.Size)
            _hypercalls[number]++;
        else
            OutOfRangeHypercalls++;
    }
}
