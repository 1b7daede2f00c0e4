using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>What a vCPU's thread does outside of guest code, as numbers for <see cref="Cpu.Activity"/>: a hypercall's is its own.</summary>
internal static class VcpuActivity
{
    /// <summary>Blocking, waking up, and seeing to timers.</summary>
    public const int Wait = HypercallTable.Size;

    /// <summary>Delivering an event upcall.</summary>
    public const int Upcall = Wait + 1;

    private const int FirstExit = Upcall + 1;
    private const int FirstException = FirstExit + 16;

    /// <summary>Seeing to what guest code was left for.</summary>
    public static int Of(in CpuExit exit) => exit.Kind == CpuExitKind.Exception ? FirstException + exit.Vector : FirstExit + (int)exit.Kind;

    public static string Name(int activity) => activity switch
    {
        < HypercallTable.Size => $"hypercall {HypercallTable.Name(activity)}",
        Wait => "blocking and waking up",
        Upcall => "event upcall",
        < FirstException => $"exit {(CpuExitKind)(activity - FirstExit)}",
        _ => $"exit Exception {activity - FirstException}",
    };
}
