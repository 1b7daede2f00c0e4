using System.ComponentModel;
using System.Runtime.InteropServices;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>A memfd mapped into this process, whose descriptor a child process inherits.</summary>
internal sealed unsafe partial class SharedMemory : IDisposable
{
    private const int ReadWrite = 3;
    private const int MapShared = 1;

    public SharedMemory(string name, int size)
    {
        Descriptor = memfd_create(name, 0);
        if (Descriptor < 0 || ftruncate(Descriptor, size) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        Size = size;
        Base = (byte*)mmap(null, (nuint)size, ReadWrite, MapShared, Descriptor, 0);
        if ((nint)Base == -1)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public int Descriptor { get; }

    public int Size { get; }

    // SAFETY: mapped by the constructor with Size bytes, until Dispose.
    public byte* Base { get; }

    public Span<byte> Bytes => new(Base, Size);

    public void Dispose()
    {
        _ = munmap(Base, (nuint)Size);
        _ = close(Descriptor);
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int descriptor, long size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial void* mmap(void* address, nuint size, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint size);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
