using System.Globalization;
using System.Text;
using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

/// <summary>The store for dom0's own code: text values, no rights to lack. A path that no node could have is a bug and throws.</summary>
public sealed class LocalStore : IDisposable
{
    private readonly StoreSession _session;
    private readonly uint _transactionId;
    private long _lastToken;

    public LocalStore(XenStore store) => _session = new(store, DomainId.Zero);

    private LocalStore(StoreSession session, uint transactionId)
    {
        _session = session;
        _transactionId = transactionId;
    }

    /// <summary>Null where there is no such node.</summary>
    public string? Read(string path) => Check(_session.Read(_transactionId, path, out ReadOnlyMemory<byte> value), path) ? Encoding.UTF8.GetString(value.Span) : null;

    /// <summary>A decimal number that a guest may have written; null where there is none.</summary>
    public uint? ReadNumber(string path) =>
        uint.TryParse(Read(path), NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : null;

    public IReadOnlyList<string> List(string path) => Check(_session.List(_transactionId, path, out StoreNode? node), path) ? [.. node!.Children.Keys] : [];

    public void Write(string path, string value) => Check(_session.Write(_transactionId, path, Encoding.UTF8.GetBytes(value)), path);

    public void Write(string path, long number) => Write(path, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Writes a node and gives it permissions of its own.</summary>
    public void Write(string path, string value, StorePermissions permissions)
    {
        Write(path, value);
        Check(_session.SetPermissions(_transactionId, path, permissions), path);
    }

    /// <summary>Removes a node with all below it, if it is there.</summary>
    public void Remove(string path) => Check(_session.Remove(_transactionId, path), path);

    /// <summary>Makes several changes at once, again as often as somebody else's change comes between.</summary>
    public void Atomically(Action<LocalStore> changes)
    {
        StoreError error;
        do
        {
            _session.StartTransaction(out uint id);
            changes(new(_session, id));
            error = _session.EndTransaction(id, commit: true);
        }
        while (error == StoreError.EAGAIN);
    }

    /// <summary>Calls back soon, then after each change at or below the path: on the thread pool, never twice at once; several changes may make one call.
    /// Disposing the result ends it; a call may still be under way then.</summary>
    public IDisposable Watch(string path, Action onChange)
    {
        var work = new DeferredWork(onChange);
        string token = Interlocked.Increment(ref _lastToken).ToString(CultureInfo.InvariantCulture);
        StoreError error = _session.Watch(path, token, (_, _) => work.Schedule());
        return error == StoreError.None ? new Watcher(_session, path, token) : throw new ArgumentException($"cannot watch {path}: {error}", nameof(path));
    }

    public void Dispose() => _session.Dispose();

    private static bool Check(StoreError error, string path) => error switch
    {
        StoreError.None => true,
        StoreError.ENOENT => false,
        _ => throw new ArgumentException($"{path}: {error}", nameof(path)),
    };

    private sealed class Watcher(StoreSession session, string path, string token) : IDisposable
    {
        public void Dispose() => session.Unwatch(path, token);
    }
}
