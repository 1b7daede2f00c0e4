using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Console;

/// <summary>One guest's console as xenconsoled keeps it: output goes to the scrollback and to everyone who watches, input from anyone to the guest.
/// It outlasts the domain, so that a reboot goes on in the same console. From any thread.</summary>
public sealed class GuestConsole : IDisposable
{
    /// <summary>Input that may wait for a guest that doesn't read it; what is typed beyond that is dropped, as a terminal does.</summary>
    private const int MaxWaitingInput = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly Scrollback _scrollback;
    private readonly List<ConsoleWatcher> _watchers = [];
    private readonly Queue<byte> _input = [];
    private readonly DeferredWork _work;
    private GuestPage? _page;
    private ConsoleRing? _ring;
    private IEventChannel? _channel;

    /// <param name="logPath">The file that keeps the scrollback; null: it is kept in memory only.</param>
    public GuestConsole(string? logPath)
    {
        _scrollback = new(logPath);
        _work = new(Drain);
    }

    /// <summary>Serves a domain's console.</summary>
    /// <param name="ring">The page that the domain builder reserved for the console.</param>
    /// <param name="port">The guest's port for it.</param>
    public void Connect(IGuest guest, Mfn ring, EventPort port)
    {
        lock (_gate)
        {
            Disconnect();
            _page = guest.MapFrame(ring);
            _ring = new(_page);
            _channel = guest.TryBindInterdomain(port, _work.Schedule) ?? throw new InvalidOperationException($"{guest.Id} has no {port} for its console");
        }
        _work.Schedule();
    }

    /// <summary>Takes the guest's last words and lets go of its page. The console itself stays.</summary>
    public void Disconnect()
    {
        lock (_gate)
        {
            Drain();
            _channel?.Dispose();
            _page?.Dispose();
            _channel = null;
            _page = null;
            _ring = null;
            _input.Clear();
        }
    }

    /// <summary>Takes all that the guest has printed so far; done before its end is reported.</summary>
    public void Drain()
    {
        lock (_gate)
        {
            if (_ring is null || _channel is null)
                return;
            bool hasMoved = FeedInput(_ring);
            // One ringful at most, so that a guest that never stops printing doesn't keep the gate; it notifies for what comes after.
            Span<byte> output = stackalloc byte[XenconsOut.Size];
            output = output[.._ring.Read(output)];
            if (!output.IsEmpty)
                Show(output);
            if (hasMoved || !output.IsEmpty)
                _channel.Notify();
        }
    }

    /// <summary>Puts a line of dom0's own between the guest's output.</summary>
    public void Announce(string line)
    {
        lock (_gate)
            Show(System.Text.Encoding.UTF8.GetBytes($"\r\n[{line}]\r\n"));
    }

    /// <summary>Types something on the guest's console.</summary>
    public void Input(ReadOnlySpan<byte> typed)
    {
        lock (_gate)
        {
            if (_ring is null)
                return;
            foreach (byte key in typed[..Math.Min(typed.Length, MaxWaitingInput - _input.Count)])
                _input.Enqueue(key);
            if (FeedInput(_ring))
                _channel?.Notify();
        }
    }

    /// <summary>Begins to watch: the scrollback first, then what comes. Disposing the watcher ends it.</summary>
    public ConsoleWatcher Watch()
    {
        lock (_gate)
        {
            var watcher = new ConsoleWatcher(Forget);
            watcher.TryShow(_scrollback.Read());
            _watchers.Add(watcher);
            return watcher;
        }
    }

    public byte[] ReadScrollback()
    {
        lock (_gate)
            return _scrollback.Read();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Disconnect();
            foreach (ConsoleWatcher watcher in _watchers)
                watcher.End();
            _watchers.Clear();
            _scrollback.Dispose();
        }
    }

    // A watcher that doesn't keep up loses its connection; the guest and the others never wait for it.
    private void Show(ReadOnlySpan<byte> output)
    {
        _scrollback.Append(output);
        byte[]? copy = null;
        for (int i = _watchers.Count - 1; i >= 0; i--)
        {
            copy ??= output.ToArray();
            if (_watchers[i].TryShow(copy))
                continue;
            _watchers[i].End();
            _watchers.RemoveAt(i);
        }
    }

    private bool FeedInput(ConsoleRing ring)
    {
        if (_input.Count == 0)
            return false;
        int fed = ring.Write(_input.ToArray());
        for (int i = 0; i < fed; i++)
            _input.Dequeue();
        return fed > 0;
    }

    private void Forget(ConsoleWatcher watcher)
    {
        lock (_gate)
            _watchers.Remove(watcher);
    }
}
