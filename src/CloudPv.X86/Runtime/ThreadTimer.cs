using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>What a <see cref="ThreadTimer"/> counts; the numbers are Linux's.</summary>
internal enum ThreadTimerClock
{
    Monotonic = 1,

    /// <summary>The CPU time of the thread that makes the timer.</summary>
    ThreadCpuTime = 3,
}

/// <summary>A timer that sends the thread that makes it a signal (timer_create(2)). To be set and disposed of by the same thread.</summary>
internal sealed unsafe partial class ThreadTimer : IDisposable
{
    private const int ToThread = 4; // SIGEV_THREAD_ID
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private readonly nint _timer;

    /// <param name="value">What the handler finds in si_value.</param>
    public ThreadTimer(ThreadTimerClock clock, int signal, void* value)
    {
        var notification = new Notification { Value = value, Signal = signal, Kind = ToThread, Thread = gettid() };
        if (timer_create((int)clock, &notification, out _timer) != 0)
            throw Failure("timer_create");
    }

    /// <summary>Lets it go off once, or again and again; what was set before is forgotten.</summary>
    /// <param name="first">Nanoseconds from now on; at least 1.</param>
    /// <param name="interval">Nanoseconds; 0: once.</param>
    public void Set(ulong first, ulong interval = 0)
    {
        ArgumentOutOfRangeException.ThrowIfZero(first);
        var times = new Times { Interval = Time.Of(interval), First = Time.Of(first) };
        if (timer_settime(_timer, 0, &times, null) != 0)
            throw Failure("timer_settime");
    }

    /// <summary>When it returns, the last signal has been handled.</summary>
    public void Dispose() => _ = timer_delete(_timer);

    private static InvalidOperationException Failure(string call) => new($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    /// <summary>struct sigevent.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Notification
    {
        [FieldOffset(0)] public void* Value;
        [FieldOffset(8)] public int Signal;
        [FieldOffset(12)] public int Kind;
        [FieldOffset(16)] public int Thread;
    }

    /// <summary>struct timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;

        public static Time Of(ulong nanoseconds) => new() { Seconds = (long)(nanoseconds / NanosecondsPerSecond), Nanoseconds = (long)(nanoseconds % NanosecondsPerSecond) };
    }

    /// <summary>struct itimerspec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Times
    {
        public Time Interval;
        public Time First;
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
