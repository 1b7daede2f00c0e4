using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>The Linux calls that the engine needs. Each throws where the host refuses: that is a host's failure, never a guest's.</summary>
internal static unsafe partial class HostSystem
{
    public const int ProtNone = 0;
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int ProtExecute = 4;
    public const int MapShared = 0x01;
    public const int MapPrivate = 0x02;
    public const int MapFixed = 0x10;
    public const int MapAnonymous = 0x20;
    public const int MapNoReserve = 0x4000;

    public const int MapPopulate = 0x8000;

    public const ulong HugePageSize = 2 << 20;

    private const int MfdCloexec = 1;
    private const int MadvDontNeed = 4;
    private const int MadvHugePage = 14;
    private const int MadvNoHugePage = 15;
    private const int MadvCollapse = 25;
    private const nint SysArchPrctl = 158;
    private const nint ArchSetGs = 0x1001;
    private const ulong AtHwcap2 = 26;
    private const ulong Hwcap2FsGsBase = 1 << 1;

    /// <summary>Whether user code may execute WRGSBASE (AT_HWCAP2 bit 1).</summary>
    public static bool HasFsGsBase { get; } = (getauxval(AtHwcap2) & Hwcap2FsGsBase) != 0;

    /// <summary>Maps anonymous zeroed pages; nothing is committed before it is touched.</summary>
    public static byte* MapAnonymousPages(ulong size, int protection) =>
        Map(null, size, protection, MapPrivate | MapAnonymous | MapNoReserve, -1);

    /// <summary>Sets addresses aside that nobody may touch. Null: the host has no room for them.</summary>
    public static byte* Reserve(ulong size)
    {
        var reserved = (byte*)mmap(null, (nuint)size, ProtNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        return (nint)reserved == -1 ? null : reserved;
    }

    /// <summary>The same at a multiple of <see cref="HugePageSize"/>, so that <see cref="UseHugePages"/> can be of use.</summary>
    public static byte* MapAlignedPages(ulong size, int protection)
    {
        var mapped = MapAnonymousPages(size + HugePageSize, protection);
        var aligned = (byte*)(((ulong)mapped + HugePageSize - 1) & ~(HugePageSize - 1));
        if (aligned != mapped)
            Unmap(mapped, (ulong)(aligned - mapped));
        if (aligned != mapped + HugePageSize)
            Unmap(aligned + size, (ulong)(mapped + HugePageSize - aligned));
        return aligned;
    }

    /// <summary>Asks for huge pages, which cost fewer faults and fewer TLB entries. The host may have none to give.</summary>
    public static void UseHugePages(byte* address, ulong size) => _ = madvise(address, (nuint)size, MadvHugePage);

    /// <summary>Takes the wish for huge pages back, for pages that are yet to be committed.</summary>
    public static void UseSmallPages(byte* address, ulong size) => _ = madvise(address, (nuint)size, MadvNoHugePage);

    /// <summary>Frees the memory of private anonymous pages, which are zero and uncommitted then.</summary>
    public static void GiveBackPages(byte* address, ulong size)
    {
        if (madvise(address, (nuint)size, MadvDontNeed) != 0)
            throw Failure("madvise");
    }

    public static ulong RoundUpToPage(ulong address) => (address + (ulong)Environment.SystemPageSize - 1) & ~((ulong)Environment.SystemPageSize - 1);

    /// <summary>Moves what is in small pages of one huge page's range into a huge page: now, or where the host doesn't know how (before Linux 6.1), when it gets to it. It may have none to give.</summary>
    public static void CollapseHugePage(byte* address)
    {
        UseHugePages(address, HugePageSize);
        _ = madvise(address, (nuint)HugePageSize, MadvCollapse);
    }

    public static byte* Map(byte* address, ulong size, int protection, int flags, int descriptor)
    {
        var result = mmap(address, (nuint)size, protection, flags, descriptor, 0);
        return (nint)result == -1 ? throw Failure("mmap") : (byte*)result;
    }

    /// <summary>Replaces pages by those of a file. False: the host has no room for it.</summary>
    public static bool TryMapFile(byte* address, ulong size, int protection, int flags, int descriptor, ulong offset) =>
        mmap(address, (nuint)size, protection, flags | MapFixed, descriptor, (long)offset) == address;

    public static void Unmap(byte* address, ulong size)
    {
        if (munmap(address, (nuint)size) != 0)
            throw Failure("munmap");
    }

    /// <summary>Makes an unnamed file in memory of <paramref name="size"/> zero bytes.</summary>
    public static int CreateMemoryFile(string name, ulong size)
    {
        var descriptor = memfd_create(name, MfdCloexec);
        if (descriptor < 0)
            throw Failure("memfd_create");
        if (ftruncate(descriptor, (long)size) != 0)
        {
            var failure = Failure("ftruncate");
            _ = close(descriptor);
            throw failure;
        }

        return descriptor;
    }

    public static void Close(int descriptor) => _ = close(descriptor);

    /// <summary>Sets the calling thread's GS base by system call, for hosts whose user code may not.</summary>
    public static void SetGsBase(void* address)
    {
        if (syscall(SysArchPrctl, ArchSetGs, (nint)address) != 0)
            throw Failure("arch_prctl");
    }

    public static void ReadSignalAction(int signal, SignalAction* action)
    {
        if (sigaction(signal, null, action) != 0)
            throw Failure("sigaction");
    }

    public static void SetSignalAction(int signal, SignalAction* action)
    {
        if (sigaction(signal, action, null) != 0)
            throw Failure("sigaction");
    }

    private static InvalidOperationException Failure(string call) => new($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", SetLastError = true)]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(void* address, nuint length, int advice);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int descriptor, long length);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint first, nint second);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sigaction(int signal, SignalAction* action, SignalAction* old);

    [LibraryImport("libc")]
    private static partial ulong getauxval(ulong type);
}

/// <summary>glibc's <c>struct sigaction</c> on x86-64.</summary>
[StructLayout(LayoutKind.Explicit, Size = 152)]
internal unsafe struct SignalAction
{
    [FieldOffset(0)] public void* Handler;
    [FieldOffset(8)] private fixed ulong _mask[16];
    [FieldOffset(136)] private int _flags;
    [FieldOffset(144)] private readonly void* _restorer;

    /// <summary>A handler (signal, info, context) that no other signal interrupts, and behind which system calls go on.</summary>
    public static SignalAction Uninterrupted(void* handler)
    {
        const int withInfo = 4, restart = 0x1000_0000; // SA_SIGINFO, SA_RESTART
        var action = new SignalAction { Handler = handler, _flags = withInfo | restart };
        new Span<ulong>(action._mask, 16).Fill(ulong.MaxValue);
        return action;
    }
}
