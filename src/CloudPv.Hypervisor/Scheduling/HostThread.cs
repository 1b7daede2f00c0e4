using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>How the host schedules the calling thread.</summary>
internal static unsafe partial class HostThread
{
    private const int SetTimerSlack = 29;
    private const int OneThread = 0;
    private const int Calling = 0;
    private const int ThreadCpuTime = 3;
    private const int MaxCpus = 1024;
    private const int BitsPerWord = 64;

    /// <summary>Lets the thread's waits end when their time is over; Linux may otherwise put it off by 50 us (PR_SET_TIMERSLACK).</summary>
    public static void UsePreciseTimeouts()
    {
        const nuint Nanosecond = 1;
        if (ProcessControl(SetTimerSlack, Nanosecond) != 0)
            throw Failure("prctl(PR_SET_TIMERSLACK)");
    }

    /// <summary>Makes the thread nicer than it is, or less nice. False: the host lets only the privileged have less.</summary>
    public static bool TryChangeNice(int offset)
    {
        const int Nicest = 19;
        return SetPriority(OneThread, Calling, Math.Min(GetPriority(OneThread, Calling) + offset, Nicest)) == 0;
    }

    /// <summary>Processor time that the thread has used, in ns.</summary>
    public static ulong CpuTime()
    {
        Timespec time;
        if (ClockGetTime(ThreadCpuTime, &time) != 0)
            throw Failure("clock_gettime(CLOCK_THREAD_CPUTIME_ID)");
        return (ulong)(time.Seconds * 1_000_000_000 + time.Nanoseconds);
    }

    /// <summary>The processors that the thread may run on.</summary>
    public static IReadOnlyList<int> UsableCpus()
    {
        ulong* mask = stackalloc ulong[MaxCpus / BitsPerWord];
        new Span<ulong>(mask, MaxCpus / BitsPerWord).Clear();
        if (GetAffinity(Calling, MaxCpus / 8, mask) != 0)
            throw Failure("sched_getaffinity");
        var cpus = new List<int>();
        for (int cpu = 0; cpu < MaxCpus; cpu++)
        {
            if ((mask[cpu / BitsPerWord] >> (cpu % BitsPerWord) & 1) != 0)
                cpus.Add(cpu);
        }
        return cpus;
    }

    /// <summary>Keeps the thread on some of <see cref="UsableCpus"/>.</summary>
    public static void Pin(IReadOnlyList<int> cpus)
    {
        ulong* mask = stackalloc ulong[MaxCpus / BitsPerWord];
        new Span<ulong>(mask, MaxCpus / BitsPerWord).Clear();
        foreach (int cpu in cpus)
            mask[cpu / BitsPerWord] |= 1UL << (cpu % BitsPerWord);
        if (SetAffinity(Calling, MaxCpus / 8, mask) != 0)
            throw Failure("sched_setaffinity");
    }

    private static InvalidOperationException Failure(string call) => new($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nuint argument);

    [LibraryImport("libc", EntryPoint = "getpriority")]
    private static partial int GetPriority(int which, int who);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int ClockGetTime(int clock, Timespec* time);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static partial int GetAffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nuint size, ulong* mask);
}
