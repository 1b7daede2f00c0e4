using CloudPv.Dom0.Rings;
using CloudPv.Hypervisor;

namespace CloudPv.Dom0.Net;

/// <summary>A guest's two connected rings and their event channels, each ring served by itself. Owns the rings.</summary>
internal sealed class VifConnection : IDisposable
{
    private readonly IGuest _guest;
    private readonly VifNegotiation _frontend;
    private readonly IFrameLink _link;
    private readonly BackRing _txRing;
    private readonly BackRing _rxRing;
    private readonly Lock _transmitGate = new();
    private readonly Lock _receiveGate = new();
    private readonly DeferredWork _transmitting;
    private readonly DeferredWork _receiving;
    private readonly VifTransmit _transmit;
    private readonly VifReceive _receive;
    private IEventChannel? _txChannel;
    private IEventChannel? _rxChannel;
    private bool _isDisposed;

    public VifConnection(IGuest guest, VifNegotiation frontend, BackRing txRing, BackRing rxRing, IFrameLink link, Action<string> log)
    {
        _guest = guest;
        _frontend = frontend;
        _link = link;
        _txRing = txRing;
        _rxRing = rxRing;
        _transmitting = new DeferredWork(Transmit);
        _receiving = new DeferredWork(Receive);
        var multicast = new MulticastFilter(frontend.ControlsMulticast);
        _transmit = new VifTransmit(guest, txRing, link, multicast, log);
        _receive = new VifReceive(guest, rxRing, link.Incoming, frontend, multicast, _receiving.Schedule, log);
    }

    /// <summary>Binds the event channels and begins.</summary>
    /// <returns>False: the guest has no such ports.</returns>
    public bool TryBind()
    {
        _txChannel = _guest.TryBindInterdomain(_frontend.TxPort, _frontend.RxPort is null ? ScheduleBoth : _transmitting.Schedule);
        _rxChannel = _frontend.RxPort is { } port ? _guest.TryBindInterdomain(port, _receiving.Schedule) : _txChannel;
        if (_txChannel is null || _rxChannel is null)
            return false;
        _link.Incoming.Clear(); // what came while nobody listened
        _link.Incoming.Arrived = _receiving.Schedule;
        ScheduleBoth(); // for what the guest did before its event channels were bound
        return true;
    }

    public void Dispose()
    {
        _link.Incoming.Arrived = static () => { };
        lock (_transmitGate)
            lock (_receiveGate)
            {
                _isDisposed = true;
                _receive.Dispose();
                _txChannel?.Dispose();
                _rxChannel?.Dispose();
                _txRing.Dispose();
                _rxRing.Dispose();
            }
    }

    private void ScheduleBoth()
    {
        _transmitting.Schedule();
        _receiving.Schedule();
    }

    private void Transmit()
    {
        lock (_transmitGate)
        {
            if (!_isDisposed)
                _transmit.Process(_txChannel!);
        }
    }

    private void Receive()
    {
        lock (_receiveGate)
        {
            if (!_isDisposed)
                _receive.Process(_rxChannel!);
        }
    }
}
