using System.Runtime.CompilerServices;
using CloudPv.Dom0.Rings;
using CloudPv.Dom0.Xenstore;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Net;

/// <summary>
/// Dom0's half of one network interface of a guest (the part of Linux's netback): it negotiates by xenstore and joins the guest's rings to a link.
/// </summary>
/// <remarks>The toolstack has made both folders; disposing disconnects and leaves them as they are.</remarks>
public sealed class NetBackend : IDisposable
{
    private readonly IGuest _guest;
    private readonly LocalStore _store;
    private readonly string _backend;
    private readonly string _frontend;
    private readonly IFrameLink _link;
    private readonly Action<string> _log;
    private readonly Lock _stateGate = new();
    private readonly Lock _transmitGate = new();
    private readonly Lock _receiveGate = new();
    private readonly MulticastFilter _multicast = new();
    private readonly DeferredWork _transmitting;
    private readonly DeferredWork _receiving;
    private readonly IDisposable[] _watches;
    private VifTransmit? _transmit;
    private VifReceive? _receive;
    private XenbusState _state;
    private bool _disposed;

    /// <param name="backend">The interface's folder below dom0's backend/vif.</param>
    /// <param name="frontend">The guest's folder device/vif/N.</param>
    /// <param name="link">Stays the caller's: a guest that reboots gets a new backend on the same link.</param>
    public NetBackend(IGuest guest, LocalStore store, string backend, string frontend, IFrameLink link, Action<string> log)
    {
        _guest = guest;
        _store = store;
        _backend = backend;
        _frontend = frontend;
        _link = link;
        _log = log;
        _transmitting = new DeferredWork(Transmit);
        _receiving = new DeferredWork(Receive);
        store.Atomically(Offer);
        _state = XenbusState.InitWait;
        _watches = [store.Watch($"{frontend}/state", FollowFrontend), store.Watch($"{frontend}/request-multicast-control", FollowMulticastControl)];
    }

    public void Dispose()
    {
        foreach (var watch in _watches)
            watch.Dispose();
        lock (_stateGate)
        {
            Disconnect();
            _disposed = true;
        }
    }

    /// <summary>What netback offers and this backend keeps; it has no control ring, no XDP headroom and one queue.</summary>
    private void Offer(LocalStore store)
    {
        foreach (var feature in (ReadOnlySpan<string>)[
            "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload", "feature-rx-copy",
            "feature-multicast-control", "feature-dynamic-multicast-control", "feature-split-event-channels", "multi-queue-max-queues"])
            store.Write($"{_backend}/{feature}", 1);
        store.Write($"{_backend}/feature-rx-flip", 0);
        store.Write($"{_backend}/hotplug-status", "connected");
        store.Write($"{_backend}/state", (long)XenbusState.InitWait);
    }

    private void FollowFrontend()
    {
        lock (_stateGate)
        {
            if (_disposed)
                return;
            switch ((XenbusState)(_store.ReadNumber($"{_frontend}/state") ?? 0))
            {
                case XenbusState.Initialising when _state == XenbusState.Closed:
                    SetState(XenbusState.InitWait);
                    break;
                case XenbusState.Connected when _state != XenbusState.Connected:
                    SetState(TryConnect() ? XenbusState.Connected : XenbusState.Closing);
                    break;
                case XenbusState.Closing:
                    Disconnect();
                    SetState(XenbusState.Closing);
                    break;
                case XenbusState.Closed:
                    Disconnect();
                    SetState(XenbusState.Closed);
                    break;
                case XenbusState.Unknown:
                    Disconnect();
                    break;
            }
        }
    }

    private void FollowMulticastControl() => _multicast.IsControlled = _store.ReadNumber($"{_frontend}/request-multicast-control") is > 0;

    private bool TryConnect()
    {
        if (VifNegotiation.TryRead(_store, _frontend, out var problem) is not { } frontend)
        {
            _log($"{_frontend}: {problem}");
            return false;
        }

        var txRing = MapRing(frontend.TxRing, Unsafe.SizeOf<NetifTxRequest>());
        var rxRing = MapRing(frontend.RxRing, Unsafe.SizeOf<NetifRxRequest>());
        var txChannel = _guest.TryBindInterdomain(frontend.TxPort, frontend.RxPort is null ? ScheduleBoth : _transmitting.Schedule);
        var rxChannel = frontend.RxPort is { } port ? _guest.TryBindInterdomain(port, _receiving.Schedule) : txChannel;
        if (txRing is null || rxRing is null || txChannel is null || rxChannel is null)
        {
            txRing?.Dispose();
            rxRing?.Dispose();
            txChannel?.Dispose();
            rxChannel?.Dispose();
            _log($"{_frontend}: its rings can't be mapped, or its event channels can't be bound");
            return false;
        }

        _link.Incoming.Clear(); // what came while nobody listened
        lock (_transmitGate)
            _transmit = new VifTransmit(_guest, txRing, txChannel, _link, _multicast, _log);
        lock (_receiveGate)
            _receive = new VifReceive(_guest, rxRing, rxChannel, _link.Incoming, frontend, _multicast, _receiving.Schedule, _log);
        _link.Incoming.Arrived = _receiving.Schedule;
        ScheduleBoth(); // for what the guest did before there was an event channel
        return true;
    }

    private BackRing? MapRing(GrantRef reference, int slotLength) =>
        _guest.TryMapGrant(reference, readOnly: false, out var page) == GrantStatus.Okay ? new BackRing([page!], slotLength) : null;

    private void Disconnect()
    {
        _link.Incoming.Arrived = static () => { };
        lock (_transmitGate)
        {
            _transmit?.Dispose();
            _transmit = null;
        }

        lock (_receiveGate)
        {
            _receive?.Dispose();
            _receive = null;
        }
    }

    private void SetState(XenbusState state)
    {
        if (_state == state)
            return;
        _state = state;
        _store.Write($"{_backend}/state", (long)state);
    }

    private void ScheduleBoth()
    {
        _transmitting.Schedule();
        _receiving.Schedule();
    }

    private void Transmit()
    {
        lock (_transmitGate)
            _transmit?.Process();
    }

    private void Receive()
    {
        lock (_receiveGate)
            _receive?.Process();
    }
}
