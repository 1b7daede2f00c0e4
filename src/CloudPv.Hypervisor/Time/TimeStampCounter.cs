using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>The host's TSC, which guests read natively: RDTSC, and its frequency.</summary>
internal static unsafe partial class TimeStampCounter
{
    private const int ReadWrite = 0x3;
    private const int ReadExecute = 0x5;
    private const int PrivateAnonymous = 0x22;
    private const int PageSize = 4096;

    // rdtsc; shl rdx, 32; or rax, rdx; ret
    private static ReadOnlySpan<byte> ReadCode => [0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3];

    private static readonly delegate* unmanaged[SuppressGCTransition]<ulong> ReadFunction = EmitRead();

    private static readonly (ulong Tsc, long Nanoseconds) FirstSample = Sample();

    /// <summary>Shortest span that the frequency is taken over; its two samples are exact to some 30 ns each.</summary>
    private const long CalibrationNanoseconds = 20_000_000;

    private static readonly Lazy<ulong> Measured = new(MeasureFrequency);

    /// <summary>Ticks a second, measured once against CLOCK_MONOTONIC since this class was first used.</summary>
    public static ulong Frequency => Measured.Value;

    public static ulong Read() => ReadFunction();

    /// <summary>CLOCK_MONOTONIC in ns.</summary>
    public static long Monotonic()
    {
        Timespec now;
        if (ClockGetTime(1, &now) != 0)
            throw new InvalidOperationException("clock_gettime(CLOCK_MONOTONIC) failed");
        return now.Seconds * 1_000_000_000 + now.Nanoseconds;
    }

    private static ulong MeasureFrequency()
    {
        (ulong Tsc, long Nanoseconds) last = Sample();
        while (last.Nanoseconds - FirstSample.Nanoseconds < CalibrationNanoseconds)
            last = Sample();
        return (ulong)((UInt128)(last.Tsc - FirstSample.Tsc) * 1_000_000_000 / (ulong)(last.Nanoseconds - FirstSample.Nanoseconds));
    }

    /// <summary>Reads both clocks at one instant: of some tries the one that was least interrupted.</summary>
    private static (ulong Tsc, long Nanoseconds) Sample()
    {
        (ulong Tsc, long Nanoseconds) best = default;
        ulong bestWidth = ulong.MaxValue;
        for (int attempt = 0; attempt < 16; attempt++)
        {
            ulong before = Read();
            long nanoseconds = Monotonic();
            ulong width = Read() - before;
            if (width >= bestWidth)
                continue;
            bestWidth = width;
            best = (before + width / 2, nanoseconds);
        }
        return best;
    }

    private static delegate* unmanaged[SuppressGCTransition]<ulong> EmitRead()
    {
        // SAFETY: one page of our own, written once and executable only afterwards; the code touches RAX and RDX alone and returns.
        void* page = Mmap(null, PageSize, ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)page == -1)
            throw new InvalidOperationException("the host gives no page for the RDTSC stub");
        ReadCode.CopyTo(new Span<byte>(page, PageSize));
        if (Mprotect(page, PageSize, ReadExecute) != 0)
            throw new InvalidOperationException("the host refuses executable memory");
        return (delegate* unmanaged[SuppressGCTransition]<ulong>)page;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, Timespec* time);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Mmap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Mprotect(void* address, nuint length, int protection);
}
