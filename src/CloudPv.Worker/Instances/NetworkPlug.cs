using System.Net;
using CloudPv.Dom0.Net;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>An instance's place on the host's network: its port on the switch, and what DHCP tells it.</summary>
internal sealed class NetworkPlug : IAsyncDisposable
{
    private readonly HostNetwork _network;
    private readonly MacAddress _mac;
    private readonly SwitchListener _port;

    /// <param name="socketPath">Where the domain's process finds the port.</param>
    /// <exception cref="WorkerRefusedException">The addresses are no addresses, or another instance has them.</exception>
    public NetworkPlug(HostNetwork network, NetworkInterface nic, string socketPath)
    {
        if (!MacAddress.TryParse(nic.Mac, out _mac) || !IPAddress.TryParse(nic.PrivateIp, out var address) || !network.Plan.Network.Contains(address))
            throw new WorkerRefusedException($"The host's network has no place for {nic.Mac} with {nic.PrivateIp}.");
        _network = network;
        try
        {
            _port = network.Listen(_mac, socketPath);
        }
        catch (InvalidOperationException taken)
        {
            throw new WorkerRefusedException(taken.Message);
        }
        network.Addresses.Set(_mac, new AddressAssignment(address, nic.HostName));
    }

    public async ValueTask DisposeAsync()
    {
        _network.Addresses.Remove(_mac);
        await _port.DisposeAsync();
    }
}
