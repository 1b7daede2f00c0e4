using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// Kicks a CPU at a time, with no other thread's help: a POSIX timer whose signal goes to the CPU's own thread, where a few instructions of machine code note it.
/// Made, set and disposed of on that thread.
/// </summary>
public sealed unsafe partial class CpuAlarm : IDisposable
{
    /// <summary>A real-time signal that neither glibc nor .NET has a use for.</summary>
    private const int Signal = 62;

    private const int SignalInfo = 0x4, OnAlternateStack = 0x0800_0000, RestartsCalls = 0x1000_0000;
    private const int ClockMonotonic = 1;
    private const int NotifyThread = 4;
    private const long GetThreadId = 186, TimerCreate = 222, TimerSetTime = 223, TimerDelete = 226;

    private static readonly Lock Installing = new();
    private static bool _installed;

    // SAFETY: what the signal handler writes: memory of our own, freed after the timer is gone, on the thread that alone gets its signal.
    private readonly Target* _target = (Target*)NativeMemory.AllocZeroed((nuint)sizeof(Target));
    private readonly int _timer;
    private bool _disposed;

    internal CpuAlarm(int* interrupt)
    {
        Install();
        _target->Interrupt = interrupt;
        var notification = new SignalEvent { Value = _target, Signal = Signal, Notify = NotifyThread, ThreadId = (int)Call(GetThreadId, 0, 0, 0, 0) };
        int timer;
        if (Call(TimerCreate, ClockMonotonic, (nint)(&notification), (nint)(&timer), 0) != 0)
            throw Failure("timer_create");
        _timer = timer;
    }

    /// <summary>Whether it rang since this was asked last.</summary>
    public bool TakeRing() => Interlocked.Exchange(ref _target->Rang, 0) != 0;

    /// <summary>Lets it ring once; what was set before is forgotten.</summary>
    /// <param name="nanoseconds">From now on; at least 1.</param>
    public void Set(ulong nanoseconds)
    {
        const ulong Second = 1_000_000_000;
        ArgumentOutOfRangeException.ThrowIfZero(nanoseconds);
        var time = new TimerTime { Seconds = (long)(nanoseconds / Second), Nanoseconds = (long)(nanoseconds % Second) };
        if (Call(TimerSetTime, _timer, 0, (nint)(&time), 0) != 0)
            throw Failure("timer_settime");
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = Call(TimerDelete, _timer, 0, 0, 0);
        NativeMemory.Free(_target);
    }

    private static void Install()
    {
        lock (Installing)
        {
            if (_installed)
                return;
            // (rsi = siginfo_t, whose si_value is the target)
            ReadOnlySpan<byte> handler =
            [
                0x48, 0x8b, 0x46, 0x18, // mov rax, [rsi + 24]
                0xc7, 0x40, 0x08, 0x01, 0x00, 0x00, 0x00, // mov dword [rax + 8], 1: Rang
                0x48, 0x8b, 0x00, // mov rax, [rax]: Interrupt
                0xf0, 0x83, 0x08, CpuMailbox.Kicked, // lock or dword [rax], Kicked
                0xc3, // ret
            ];
            byte* code = HostSystem.MapAnonymousPages((ulong)Environment.SystemPageSize, HostSystem.ProtRead | HostSystem.ProtWrite | HostSystem.ProtExecute);
            handler.CopyTo(new Span<byte>(code, handler.Length));
            var action = new SignalAction { Handler = code, Flags = SignalInfo | OnAlternateStack | RestartsCalls };
            HostSystem.SetSignalAction(Signal, &action);
            _installed = true;
        }
    }

    private static InvalidOperationException Failure(string call) => new($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Call(long number, nint first, nint second, nint third, nint fourth);

    [StructLayout(LayoutKind.Sequential)]
    private struct Target
    {
        public int* Interrupt;
        public int Rang;
    }

    /// <summary><c>struct sigevent</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct SignalEvent
    {
        public void* Value;
        public int Signal;
        public int Notify;
        public int ThreadId;
    }

    /// <summary><c>struct itimerspec</c> of a timer that doesn't repeat.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TimerTime
    {
        public long IntervalSeconds;
        public long IntervalNanoseconds;
        public long Seconds;
        public long Nanoseconds;
    }
}
