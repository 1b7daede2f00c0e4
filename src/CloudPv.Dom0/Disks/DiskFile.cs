using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudPv.Dom0.Disks;

/// <summary>Scatter/gather reads and writes of one host file, whole or not at all. From any thread.</summary>
internal sealed unsafe partial class DiskFile(SafeFileHandle handle) : IDisposable
{
    private const int EINTR = 4;

    private const int O_RDONLY = 0, O_CLOEXEC = 0x80000;

    private const int FALLOC_FL_KEEP_SIZE = 1, FALLOC_FL_PUNCH_HOLE = 2;

    /// <summary>Opens a file for this process alone, or for all who only read it.</summary>
    /// <exception cref="ToolstackException">It is missing, in use, or may not be opened so.</exception>
    public static DiskFile Open(string path, bool readOnly)
    {
        try
        {
            return new(File.OpenHandle(path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite, readOnly ? FileShare.Read : FileShare.None));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolstackException($"disk {path}: {e.Message}", e);
        }
    }

    public long Length => RandomAccess.GetLength(handle);

    public void Dispose() => handle.Dispose();

    /// <summary>What lies beyond the file's end reads as zeros.</summary>
    public bool Read(long offset, ReadOnlySpan<IoVector> buffers)
    {
        Span<IoVector> left = stackalloc IoVector[buffers.Length];
        buffers.CopyTo(left);
        while (!left.IsEmpty)
        {
            nint done;
            fixed (IoVector* vectors = left)
            {
                // SAFETY: each vector is memory that the caller holds for the length of the call.
                done = PReadV(handle, vectors, left.Length, offset);
            }
            if (done < 0 && Marshal.GetLastPInvokeError() != EINTR)
                return false;
            if (done == 0)
            {
                foreach (IoVector rest in left)
                    rest.Bytes.Clear();
                return true;
            }
            Advance(ref left, ref offset, done);
        }
        return true;
    }

    public bool Write(long offset, ReadOnlySpan<IoVector> buffers)
    {
        Span<IoVector> left = stackalloc IoVector[buffers.Length];
        buffers.CopyTo(left);
        while (!left.IsEmpty)
        {
            nint done;
            fixed (IoVector* vectors = left)
            {
                // SAFETY: as in Read.
                done = PWriteV(handle, vectors, left.Length, offset);
            }
            if (done == 0 || (done < 0 && Marshal.GetLastPInvokeError() != EINTR))
                return false;
            Advance(ref left, ref offset, done);
        }
        return true;
    }

    public bool Flush()
    {
        int result;
        do
            result = FDataSync(handle);
        while (result < 0 && Marshal.GetLastPInvokeError() == EINTR);
        return result == 0;
    }

    /// <summary>Makes a range read as zeros and take no space.</summary>
    public bool PunchHole(long offset, long length) => FAllocate(handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) == 0;

    /// <summary>Makes a folder's entries safe: a file that was made in it is there after a power loss.</summary>
    public static void FlushFolder(string path)
    {
        using SafeFileHandle folder = OpenFolder(path, O_RDONLY | O_CLOEXEC);
        if (folder.IsInvalid || FSync(folder) < 0)
            throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static void Advance(ref Span<IoVector> left, ref long offset, nint done)
    {
        offset += Math.Max(done, 0);
        while (done > 0)
        {
            if (done < left[0].Length)
            {
                left[0] = left[0].Slice(done, left[0].Length - done);
                return;
            }
            done -= left[0].Length;
            left = left[1..];
        }
    }

    [LibraryImport("libc", EntryPoint = "preadv64", SetLastError = true)]
    private static partial nint PReadV(SafeFileHandle file, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev64", SetLastError = true)]
    private static partial nint PWriteV(SafeFileHandle file, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "open64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenFolder(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    private static partial int FAllocate(SafeFileHandle file, int mode, long offset, long length);
}
