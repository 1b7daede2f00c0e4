using System.Threading.Channels;

namespace CloudPv.Dom0.Console;

/// <summary>Somebody who reads a guest's console as it comes.</summary>
public sealed class ConsoleWatcher : IDisposable
{
    /// <summary>Bytes that may wait for a watcher; the scrollback it begins with is part of them.</summary>
    private const int MaxWaiting = 4 * Scrollback.Limit;

    private readonly Channel<byte[]> _output = Channel.CreateUnbounded<byte[]>(new() { SingleReader = true });
    private readonly Action<ConsoleWatcher> _forget;
    private int _waiting;

    internal ConsoleWatcher(Action<ConsoleWatcher> forget) => _forget = forget;

    /// <summary>Output in order; it ends when the console goes away or the watcher was too slow for it.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> Output([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (byte[] output in _output.Reader.ReadAllAsync(cancellationToken))
        {
            yield return output;
            Interlocked.Add(ref _waiting, -output.Length);
        }
    }

    public void Dispose()
    {
        _forget(this);
        End();
    }

    /// <summary>False where too much waits already.</summary>
    internal bool TryShow(byte[] output)
    {
        if (Volatile.Read(ref _waiting) > MaxWaiting)
            return false;
        Interlocked.Add(ref _waiting, output.Length);
        return _output.Writer.TryWrite(output);
    }

    internal void End() => _output.Writer.TryComplete();
}
