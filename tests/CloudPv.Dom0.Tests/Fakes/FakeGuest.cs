using System.Collections.Concurrent;
using CloudPv.Hypervisor;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Fakes;

/// <summary>A guest in memory: pages, a grant table and event channels, whose kernel is the test.</summary>
internal sealed class FakeGuest(ushort id = 1) : IGuest
{
    private readonly ConcurrentDictionary<ulong, byte[]> _frames = new();
    private readonly ConcurrentDictionary<uint, (ulong Frame, bool ReadOnly)> _grants = new();
    private readonly ConcurrentDictionary<uint, Port> _ports = new();
    private uint _lastPort, _lastGrant = 8;
    private ulong _lastFrame = 0x1000;
    private int _mapped;

    public DomainId Id { get; } = new(id);

    /// <summary>Grants that dom0 has mapped at this time.</summary>
    public int MappedGrants => Volatile.Read(ref _mapped);

    /// <summary>Event channels that dom0 has bound at this time.</summary>
    public int BoundPorts => _ports.Values.Count(port => port.IsBound);

    public Mfn AllocateFrame()
    {
        ulong frame = Interlocked.Increment(ref _lastFrame);
        _frames[frame] = GC.AllocateArray<byte>(4096, pinned: true);
        return new(frame);
    }

    public Span<byte> Frame(Mfn frame) => _frames[frame.Value];

    public byte[] Bytes(Mfn frame) => _frames[frame.Value];

    public GrantRef Grant(Mfn frame, bool readOnly = false)
    {
        uint reference = Interlocked.Increment(ref _lastGrant);
        _grants[reference] = (frame.Value, readOnly);
        return new(reference);
    }

    public void Revoke(GrantRef reference) => _grants.TryRemove(reference.Value, out _);

    /// <summary>A port that dom0 may bind, and what the guest does when dom0 notifies it.</summary>
    public EventPort AllocatePort(Action onNotify)
    {
        uint port = Interlocked.Increment(ref _lastPort);
        _ports[port] = new(onNotify);
        return new(port);
    }

    /// <summary>The guest notifies dom0.</summary>
    public void Notify(EventPort port) => _ports[port.Value].Raise();

    public GuestPage MapFrame(Mfn frame) => new Page(_frames[frame.Value], static () => { });

    public GrantStatus TryMapGrant(GrantRef reference, bool readOnly, out GuestPage? page)
    {
        page = null;
        if (!_grants.TryGetValue(reference.Value, out (ulong Frame, bool ReadOnly) grant))
            return GrantStatus.BadGrantReference;
        if (grant.ReadOnly && !readOnly)
            return GrantStatus.GeneralError;
        Interlocked.Increment(ref _mapped);
        page = new Page(_frames[grant.Frame], () => Interlocked.Decrement(ref _mapped));
        return GrantStatus.Okay;
    }

    public EventPort AllocateUnboundPort() => AllocatePort(static () => { });

    public IEventChannel? TryBindInterdomain(EventPort guestPort, Action onEvent) =>
        _ports.TryGetValue(guestPort.Value, out Port? port) && port.TryBind(onEvent) ? port : null;

    private sealed class Port(Action onNotify) : IEventChannel
    {
        private readonly Lock _gate = new();
        private Action? _onEvent;

        public bool IsBound => _onEvent is not null;

        public bool TryBind(Action onEvent) => Interlocked.CompareExchange(ref _onEvent, onEvent, null) is null;

        public void Raise()
        {
            lock (_gate)
                _onEvent?.Invoke();
        }

        public void Notify() => onNotify();

        public void Dispose() => _onEvent = null;
    }

    private sealed class Page(byte[] bytes, Action onDispose) : GuestPage
    {
        private bool _isDisposed;

        public override Span<byte> Bytes => _isDisposed ? throw new ObjectDisposedException("a page that dom0 has unmapped") : bytes;

        protected override void Dispose(bool disposing)
        {
            if (!_isDisposed)
                onDispose();
            _isDisposed = true;
        }
    }
}
