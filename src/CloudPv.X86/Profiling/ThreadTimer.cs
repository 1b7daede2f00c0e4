using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>Sends the thread that makes it a signal for every period of CPU time that the thread takes (timer_create(2)). To be disposed of by the same thread.</summary>
internal sealed unsafe partial class ThreadTimer : IDisposable
{
    private const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID
    private const int ToThread = 4; // SIGEV_THREAD_ID
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly nint _timer;

    /// <param name="value">What the handler finds in si_value.</param>
    public ThreadTimer(int signal, void* value, TimeSpan period)
    {
        var notification = new Notification { Value = value, Signal = signal, Kind = ToThread, Thread = gettid() };
        if (timer_create(ThreadCpuTime, &notification, out _timer) != 0)
            throw new InvalidOperationException($"timer_create: {Marshal.GetLastPInvokeErrorMessage()}");
        var (seconds, nanoseconds) = Math.DivRem((long)period.TotalNanoseconds, NanosecondsPerSecond);
        var times = new Times { IntervalSeconds = seconds, IntervalNanoseconds = nanoseconds, FirstSeconds = seconds, FirstNanoseconds = nanoseconds };
        if (timer_settime(_timer, 0, &times, null) != 0)
            throw new InvalidOperationException($"timer_settime: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>When it returns, the last signal has been handled.</summary>
    public void Dispose() => _ = timer_delete(_timer);

    /// <summary>struct sigevent.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Notification
    {
        [FieldOffset(0)] public void* Value;
        [FieldOffset(8)] public int Signal;
        [FieldOffset(12)] public int Kind;
        [FieldOffset(16)] public int Thread;
    }

    /// <summary>struct itimerspec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Times
    {
        public long IntervalSeconds;
        public long IntervalNanoseconds;
        public long FirstSeconds;
        public long FirstNanoseconds;
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int timer_create(int clock, Notification* notification, out nint timer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int timer_settime(nint timer, int flags, Times* times, Times* old);

    [LibraryImport("libc")]
    private static partial int timer_delete(nint timer);
}
