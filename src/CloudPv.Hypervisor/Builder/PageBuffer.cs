using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudPv.Hypervisor;

/// <summary>
/// Much memory for a short time: pages of the host's outside of .NET's heap, which are the host's again as soon as this is disposed. They come with their first use,
/// so there may be room for far more than is needed. Its memory must not be used once it is disposed; what is never disposed stays.
/// </summary>
public sealed unsafe partial class PageBuffer : MemoryManager<byte>
{
    private const int Read = 1, Write = 2;
    private const int Private = 2, PrivateAnonymousNoReserve = 0x4022;

    private readonly nuint _size;
    private byte* _start;
    private int _length;

    private PageBuffer(int length, int protection, int flags, SafeFileHandle? file)
    {
        // SAFETY: a mapping of this object's own, which is unmapped once, by Dispose.
        _length = length;
        _size = (nuint)Math.Max(length, 1);
        void* start = mmap(null, _size, protection, flags, file is null ? -1 : (int)file.DangerousGetHandle(), 0);
        if ((nint)start == -1)
            throw new IOException($"mmap: {Marshal.GetLastPInvokeErrorMessage()}");
        _start = (byte*)start;
    }

    /// <summary>Room for <paramref name="capacity"/> zero bytes.</summary>
    public static PageBuffer Reserve(int capacity) => new(capacity, Read | Write, PrivateAnonymousNoReserve, file: null);

    /// <summary>A file's contents, as far as <paramref name="limit"/>. Throws what opening and reading a file throws.</summary>
    public static PageBuffer ReadFile(string path, int limit)
    {
        using FileStream file = Open(path);
        PageBuffer buffer = Reserve(limit);
        try
        {
            int length = 0, count;
            while ((count = file.Read(buffer.GetSpan()[length..])) > 0)
                length += count;
            return buffer.Trim(length);
        }
        catch
        {
            ((IDisposable)buffer).Dispose();
            throw;
        }
    }

    /// <summary>
    /// A file's contents where the host has them already. To a system call that reads them, the end of a file that has become shorter meanwhile is an error (EFAULT),
    /// to this process's own instructions a fatal signal, as to Xen's tools, which map a kernel as well.
    /// </summary>
    public static PageBuffer MapFile(string path)
    {
        using FileStream file = Open(path);
        // A pipe's isn't known before its end.
        long length = file.CanSeek ? file.Length : 0;
        if (length > Array.MaxLength)
            throw new IOException($"{path} has {length >> 20:N0} MiB, which is too much.");
        return length == 0 ? ReadFile(path, Array.MaxLength) : new((int)length, Read, Private, file.SafeFileHandle);
    }

    /// <summary>Leaves only the first bytes visible.</summary>
    public PageBuffer Trim(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _length);
        _length = length;
        return this;
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_start == null, this);
        return new(_start, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elementIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementIndex, _length);
        return new(_start + elementIndex);
    }

    public override void Unpin()
    {
        // It never moves.
    }

    protected override void Dispose(bool disposing)
    {
        if (_start == null)
            return;
        _ = munmap(_start, _size);
        _start = null;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);
}
