using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Cli.Domu;

/// <summary>The terminal on standard input in raw mode: each key goes to the guest as it is typed, and none does anything here. Disposing gives it back.</summary>
internal sealed partial class Terminal : IDisposable
{
    private const int StandardInput = 0;
    private const int ApplyAfterOutput = 1; // TCSADRAIN

    private readonly Termios _before;

    private Terminal(in Termios before) => _before = before;

    /// <summary>Null where standard input is no terminal.</summary>
    public static Terminal? TryEnterRawMode()
    {
        if (GetAttributes(StandardInput, out var before) != 0)
            return null;
        var raw = before;
        MakeRaw(ref raw);
        return SetAttributes(StandardInput, ApplyAfterOutput, raw) == 0 ? new Terminal(before) : null;
    }

    public void Dispose() => _ = SetAttributes(StandardInput, ApplyAfterOutput, _before);

    /// <summary>struct termios of glibc on x86-64: nobody looks into it here.</summary>
    [InlineArray(60)]
    private struct Termios
    {
        private byte _first;
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int file, out Termios attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int file, int when, in Termios attributes);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(ref Termios attributes);
}
