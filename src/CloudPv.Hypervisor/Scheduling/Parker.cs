using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>Lets one thread sleep until another sets it or a time has passed, to the microsecond (futex(2)). A set before the wait makes that wait return at once.</summary>
internal sealed unsafe partial class Parker : IDisposable
{
    /// <summary>A wait without an end.</summary>
    public const ulong Forever = ulong.MaxValue;

    private const int Empty = 0;
    private const int Signalled = 1;
    private const int Parked = -1;

    private const long FutexSyscall = 202;
    private const long WaitPrivate = 128;
    private const long WakePrivate = 129;

    // SAFETY: four bytes of our own, outside the managed heap as the kernel watches the address; freed only after the last user is gone.
    private readonly int* _word = (int*)NativeMemory.AllocZeroed(sizeof(int));

    /// <summary>Whether a wait would return at once.</summary>
    public bool IsSet => Volatile.Read(ref *_word) == Signalled;

    public void Set()
    {
        if (Interlocked.Exchange(ref *_word, Signalled) == Parked)
            Futex(FutexSyscall, _word, WakePrivate, 1, null);
    }

    /// <summary>Returns when set, after <paramref name="nanoseconds"/>, or for no reason at all; the caller looks again at what it waits for.</summary>
    public void Wait(ulong nanoseconds)
    {
        if (Interlocked.CompareExchange(ref *_word, Parked, Empty) == Empty)
        {
            var timeout = new Timespec { Seconds = (long)(nanoseconds / 1_000_000_000), Nanoseconds = (long)(nanoseconds % 1_000_000_000) };
            Futex(FutexSyscall, _word, WaitPrivate, Parked, nanoseconds == Forever ? null : &timeout);
        }
        Interlocked.Exchange(ref *_word, Empty);
    }

    public void Dispose() => NativeMemory.Free(_word);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long Futex(long number, int* word, long operation, long value, Timespec* timeout);
}
