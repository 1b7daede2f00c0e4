using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace CloudPv.Dom0.Net;

/// <summary>
/// An Ethernet switch that joins the instances of a host. An instance's port belongs to one MAC address: it may send from no other and gets only
/// what is for that address or for a group. Ports of the host's own services learn the addresses behind them.
/// </summary>
public sealed class VirtualSwitch
{
    /// <summary>Keeps a service that sends from ever new addresses from filling the table.</summary>
    private const int MaxLearnedAddresses = 1024;

    private readonly ConcurrentDictionary<MacAddress, SwitchPort> _portOfAddress = new();
    private ImmutableArray<SwitchPort> _ports = [];

    /// <summary>Adds a port for the one address.</summary>
    /// <exception cref="InvalidOperationException">Another port has that address.</exception>
    public SwitchPort Connect(MacAddress address)
    {
        var port = new SwitchPort(this, address);
        if (!_portOfAddress.TryAdd(address, port))
            throw new InvalidOperationException($"the switch already has a port for {address}");
        ImmutableInterlocked.Update(ref _ports, ports => ports.Add(port));
        return port;
    }

    /// <summary>Adds a port that learns which addresses are behind it.</summary>
    public SwitchPort ConnectService()
    {
        var port = new SwitchPort(this, address: null);
        ImmutableInterlocked.Update(ref _ports, ports => ports.Add(port));
        return port;
    }

    internal void Disconnect(SwitchPort port)
    {
        ImmutableInterlocked.Update(ref _ports, ports => ports.Remove(port));
        foreach (var entry in _portOfAddress.Where(entry => entry.Value == port))
            _portOfAddress.TryRemove(entry);
    }

    /// <summary>Takes a frame from a port to those that it is for.</summary>
    internal void Forward(SwitchPort from, in Frame frame)
    {
        if (frame.Bytes.Length < Frame.EthernetHeaderLength || !Accepts(from, frame.Source))
        {
            from.CountRefused();
            return;
        }

        var destination = frame.Destination;
        if (!destination.IsMulticast && _portOfAddress.TryGetValue(destination, out var to))
        {
            if (to != from)
                to.Incoming.TryEnqueue(frame);
            return;
        }

        foreach (var port in _ports)
        {
            if (port != from && (destination.IsMulticast || port.Address is null))
                port.Incoming.TryEnqueue(frame);
        }
    }

    private bool Accepts(SwitchPort from, MacAddress source)
    {
        if (from.Address is { } address)
            return source == address;
        if (source.IsMulticast)
            return false;
        if (_portOfAddress.TryGetValue(source, out var known))
        {
            if (known == from)
                return true;
            if (known.Address is not null)
                return false; // an instance's own address, which no service may take over
            _portOfAddress[source] = from;
        }
        else if (_portOfAddress.Count < MaxLearnedAddresses)
        {
            _portOfAddress[source] = from;
        }

        return true;
    }
}
