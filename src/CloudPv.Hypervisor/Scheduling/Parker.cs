using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>Lets one thread sleep until another sets it, or a signal handler on the thread itself does (futex(2)). A set before the wait makes that wait return at once.</summary>
internal sealed unsafe partial class Parker : IDisposable
{
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

    /// <summary>What <see cref="Set"/> makes 1. A handler that does it by itself need wake nobody: the kernel looks at it again when a signal has ended the wait.</summary>
    public int* Word => _word;

    public void Set()
    {
        if (Interlocked.Exchange(ref *_word, Signalled) == Parked)
            Futex(FutexSyscall, _word, WakePrivate, 1, null);
    }

    /// <summary>Returns when set, or for no reason at all; the caller looks again at what it waits for.</summary>
    public void Wait()
    {
        if (Interlocked.CompareExchange(ref *_word, Parked, Empty) == Empty)
            Futex(FutexSyscall, _word, WaitPrivate, Parked, null);
        Interlocked.Exchange(ref *_word, Empty);
    }

    public void Dispose() => NativeMemory.Free(_word);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long Futex(long number, int* word, long operation, long value, void* timeout);
}
