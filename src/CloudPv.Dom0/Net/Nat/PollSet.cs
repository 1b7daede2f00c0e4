using System.Runtime.InteropServices;

namespace CloudPv.Dom0.Net;

/// <summary>Waits for files by poll(2), and for a wake-up from other threads by an eventfd.</summary>
internal sealed unsafe partial class PollSet : IDisposable
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800; // EFD_CLOEXEC, EFD_NONBLOCK
    private const short PollIn = 1;

    private readonly List<PollFd> _files = [];
    private readonly int _event;

    public PollSet()
    {
        _event = EventFd(0, CloseOnExec | NonBlocking);
        if (_event < 0)
            throw new IOException($"eventfd failed with error {Marshal.GetLastPInvokeError()}");
        Reset();
    }

    /// <summary>Forgets all files.</summary>
    public void Reset()
    {
        _files.Clear();
        _files.Add(new PollFd(_event, PollIn, 0));
    }

    /// <summary>Adds a file with poll(2)'s events and gives its index.</summary>
    public int Add(int file, short events)
    {
        _files.Add(new PollFd(file, events, 0));
        return _files.Count - 1;
    }

    /// <summary>What <see cref="Wait"/> found for a file.</summary>
    public short Found(int index) => _files[index].Found;

    /// <summary>Returns when a file is ready, another thread called <see cref="Wake"/> or the time is over.</summary>
    /// <returns>False: poll failed and found nothing.</returns>
    public bool Wait(int milliseconds)
    {
        var files = CollectionsMarshal.AsSpan(_files);
        // SAFETY: the span is the list's own array, which nobody changes while this thread, its only user, is in here.
        fixed (PollFd* first = files)
        {
            if (Poll(first, (nuint)files.Length, milliseconds) < 0)
                return false;
        }

        ulong count;
        if (files[0].Found != 0)
            Read(_event, &count, sizeof(ulong));
        return true;
    }

    /// <summary>Ends the present or the next wait. From any thread.</summary>
    public void Wake()
    {
        ulong one = 1;
        Write(_event, &one, sizeof(ulong));
    }

    public void Dispose() => _ = Close(_event);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct PollFd(int file, short events, short found)
    {
        public readonly int File = file;
        public readonly short Events = events;
        public readonly short Found = found;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollFd* files, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int file, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
