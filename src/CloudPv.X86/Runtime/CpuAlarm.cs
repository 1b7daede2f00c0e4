using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// Kicks a CPU at a time, with no other thread's help: a POSIX timer whose signal goes to the CPU's own thread, where a few instructions of machine code note it.
/// Made, set and disposed of on that thread.
/// </summary>
public sealed unsafe class CpuAlarm : IDisposable
{
    /// <summary>A real-time signal that neither glibc nor .NET has a use for.</summary>
    private const int Signal = 62;

    private static readonly Lock Installing = new();
    private static bool _installed;

    // SAFETY: what the signal handler writes: memory of our own, freed after the timer is gone, on the thread that alone gets its signal.
    private readonly Target* _target = (Target*)NativeMemory.AllocZeroed((nuint)sizeof(Target));
    private readonly ThreadTimer _timer;
    private bool _disposed;

    internal CpuAlarm(int* interrupt, int* bell)
    {
        Install();
        _target->Interrupt = interrupt;
        _target->Bell = bell;
        _timer = new ThreadTimer(ThreadTimerClock.Monotonic, Signal, _target);
    }

    /// <summary>Whether it rang since this was asked last.</summary>
    public bool TakeRing() => Interlocked.Exchange(ref _target->Rang, 0) != 0;

    /// <summary>Lets it ring once; what was set before is forgotten.</summary>
    /// <param name="nanoseconds">From now on; at least 1.</param>
    public void Set(ulong nanoseconds) => _timer.Set(nanoseconds);

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _timer.Dispose();
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
                0x48, 0x8b, 0x48, 0x10, // mov rcx, [rax + 16]: Bell
                0xc7, 0x01, 0x01, 0x00, 0x00, 0x00, // mov dword [rcx], 1
                0x48, 0x8b, 0x00, // mov rax, [rax]: Interrupt
                0xf0, 0x83, 0x08, CpuMailbox.Kicked, // lock or dword [rax], Kicked
                0xc3, // ret
            ];
            byte* code = HostSystem.MapAnonymousPages((ulong)Environment.SystemPageSize, HostSystem.ProtRead | HostSystem.ProtWrite | HostSystem.ProtExecute);
            handler.CopyTo(new Span<byte>(code, handler.Length));
            var action = SignalAction.Uninterrupted(code);
            HostSystem.SetSignalAction(Signal, &action);
            _installed = true;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Target
    {
        public int* Interrupt;
        public int Rang;
        public int* Bell;
    }
}
