using CloudPv.Dom0.Console;
using Microsoft.Win32.SafeHandles;

namespace CloudPv.Cli.Domu;

/// <summary>A guest's console on this process's standard input and output. Input that is piped in is typed; its end ends nothing.</summary>
internal sealed class ConsoleSession : IDisposable
{
    /// <summary>Ctrl-], as in telnet and `xl console`.</summary>
    private const byte LeaveKey = 0x1d;

    private const int StandardInput = 0;

    private readonly GuestConsole _console;
    private readonly ConsoleWatcher _watcher;
    private readonly Terminal? _terminal;
    private readonly Task _showing;

    /// <param name="onLeave">Called when the user leaves the console by its key.</param>
    public ConsoleSession(GuestConsole console, Action onLeave)
    {
        _console = console;
        _watcher = console.Watch();
        _terminal = Terminal.TryEnterRawMode();
        _showing = ShowAsync();
        new Thread(() => Type(onLeave)) { IsBackground = true, Name = "console input" }.Start();
    }

    /// <summary>Shows what the guest still had to say.</summary>
    public void Dispose()
    {
        _watcher.Dispose();
        _showing.Wait();
        _terminal?.Dispose();
    }

    private async Task ShowAsync()
    {
        await using var output = Console.OpenStandardOutput();
        await foreach (var bytes in _watcher.Output())
        {
            await output.WriteAsync(bytes);
        }
    }

    private void Type(Action onLeave)
    {
        // The file itself: System.Console's stream would edit lines.
        using var input = new FileStream(new SafeFileHandle(StandardInput, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        var keys = new byte[256];
        while (input.Read(keys) is > 0 and var count)
        {
            var typed = keys.AsSpan(0, count);
            var leave = _terminal is null ? -1 : typed.IndexOf(LeaveKey);
            _console.Input(leave < 0 ? typed : typed[..leave]);
            if (leave >= 0)
            {
                onLeave();
                return;
            }
        }
    }
}
