using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudPv.Worker;

/// <summary>
/// A lock that lives as long as the process that holds it (flock(2)), however it ends. Unlike a process id, it can't be
/// taken for another's.
/// </summary>
internal sealed partial class FileLock : IDisposable
{
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int ReadWrite = 2;
    private const int Create = 0x40;
    private const int CloseOnExec = 0x80000;
    private const int OwnerOnly = 0x180; // rw-------

    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock; null where another process holds it.</summary>
    public static FileLock? TryTake(string path)
    {
        var file = Open(path);
        if (Flock(file, LockExclusive | LockNonBlocking) == 0)
            return new FileLock(file);
        file.Dispose();
        return null;
    }

    /// <summary>Whether some process holds the lock.</summary>
    public static bool IsHeld(string path)
    {
        using var taken = TryTake(path);
        return taken is null;
    }

    /// <summary>Ends when no process holds the lock. Takes a thread meanwhile.</summary>
    public static Task WaitUntilFreeAsync(string path) => Task.Factory.StartNew(
        () =>
        {
            using var file = Open(path);
            while (Flock(file, LockExclusive) != 0)
            {
                // Interrupted by a signal.
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    public void Dispose() => _file.Dispose();

    /// <summary>Opens by the system's own call: .NET's takes a lock of its own on each file that it opens.</summary>
    private static SafeFileHandle Open(string path)
    {
        var file = OpenFile(path, ReadWrite | Create | CloseOnExec, OwnerOnly);
        return file.IsInvalid ? throw new IOException($"{path} can't be opened: error {Marshal.GetLastPInvokeError()}") : file;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);
}
