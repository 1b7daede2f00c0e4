using CloudPv.Dom0.Xenstore;
using CloudPv.Hypervisor;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0;

/// <summary>One device of one domain: follows its frontend's state and answers as the state diagrams of xen/include/public/io/blkif.h have it.
/// A frontend may close and begin anew as often as it likes (module reload, kexec).</summary>
internal sealed class XenbusDevice : IDisposable
{
    private readonly Lock _gate = new();
    private readonly IGuest _guest;
    private readonly IDevice _device;
    private readonly DeviceNodes _nodes;
    private readonly Action<string> _log;
    private readonly IDisposable _watch;
    private XenbusState _state;
    private IDisposable? _connection;
    private bool _isDisposed;

    public XenbusDevice(LocalStore store, IGuest guest, IDevice device, Action<string> log)
    {
        _guest = guest;
        _device = device;
        _log = log;
        _nodes = new(store, guest.Id, device.Type, device.Id);
        _nodes.Create(device);
        Offer();
        _watch = store.Watch($"{_nodes.FrontendPath}/state", Follow);
    }

    public void Dispose()
    {
        _watch.Dispose();
        lock (_gate)
        {
            _isDisposed = true;
            Disconnect();
            _nodes.Remove();
        }
    }

    private void Follow()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            switch (_nodes.FrontendState)
            {
                case XenbusState.Initialising when _state is XenbusState.Closing or XenbusState.Closed:
                    Offer();
                    break;
                case XenbusState.Initialised or XenbusState.Connected when _state == XenbusState.InitWait:
                    Connect();
                    break;
                case XenbusState.Closing when _state != XenbusState.Closed:
                    Disconnect();
                    Switch(XenbusState.Closing);
                    break;
                case XenbusState.Closed or XenbusState.Unknown:
                    Disconnect();
                    Switch(XenbusState.Closed);
                    break;
            }
        }
    }

    private void Offer()
    {
        _device.Offer(_nodes);
        Switch(XenbusState.InitWait);
    }

    private void Connect()
    {
        _connection = _device.Connect(_guest, _nodes, out string? refusal);
        if (_connection is null)
            _log($"{_guest.Id} {_device.Type} {_device.Id}: not connected: {refusal}");
        Switch(_connection is null ? XenbusState.Closing : XenbusState.Connected);
    }

    private void Disconnect()
    {
        _connection?.Dispose();
        _connection = null;
    }

    private void Switch(XenbusState state)
    {
        if (_state == state)
            return;
        _state = state;
        _nodes.SetBackendState(state);
    }
}
