using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;

namespace CloudPv.Hypervisor;

/// <summary>How long the calling thread was ready to run and waited for a processor: the second number of /proc/thread-self/schedstat. Used by one thread alone.</summary>
internal sealed class RunDelay : IDisposable
{
    private const string Path = "/proc/thread-self/schedstat";

    private SafeFileHandle? _file;

    /// <summary>In ns; always more than before on a host that doesn't count it.</summary>
    public ulong Read()
    {
        Span<byte> text = stackalloc byte[64];
        if (_file is null && !File.Exists(Path))
            return Unknown();
        _file ??= File.OpenHandle(Path);
        ReadOnlySpan<byte> numbers = text[..RandomAccess.Read(_file, text, fileOffset: 0)];
        ReadOnlySpan<byte> delay = numbers[(numbers.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(delay, out ulong nanoseconds, out _) ? nanoseconds : Unknown();
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>As if the thread never got a processor: then nobody counts on one.</summary>
    private static ulong Unknown() => (ulong)TimeStampCounter.Monotonic();
}
