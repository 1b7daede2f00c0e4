using System.Runtime.InteropServices;

namespace CloudPv.Dom0.Block;

/// <summary>How often the calling thread gave up the processor to wait for something (getrusage(2), ru_nvcsw). Being preempted doesn't count.</summary>
internal static unsafe partial class ThreadWaits
{
    private const int CallingThread = 1;

    public static long Count
    {
        get
        {
            Usage usage;
            if (GetUsage(CallingThread, &usage) != 0)
                throw new InvalidOperationException("getrusage(RUSAGE_THREAD) failed");
            return usage.VoluntarySwitches;
        }
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetUsage(int who, Usage* usage);

    /// <summary><c>struct rusage</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 144)]
    private struct Usage
    {
        [FieldOffset(128)] public long VoluntarySwitches;
    }
}
