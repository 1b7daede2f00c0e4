namespace CloudPv.Dom0.Net;

/// <summary>The network that the instances of a host share: a switch, DHCP with addresses that the owner decides, and a gateway to the outside.</summary>
public sealed class HostNetwork : IDisposable
{
    private readonly VirtualSwitch _switch = new();
    private readonly DhcpServer _dhcp;
    private readonly SlirpNat _nat;

    /// <exception cref="NatUnavailableException">libslirp is not installed.</exception>
    public HostNetwork(NetworkPlan plan)
    {
        Plan = plan;
        _nat = new SlirpNat(plan, _switch.ConnectService());
        _dhcp = new DhcpServer(plan, Addresses, _switch.ConnectService());
    }

    public NetworkPlan Plan { get; }

    /// <summary>What DHCP tells the instances.</summary>
    public AddressTable Addresses { get; } = new();

    /// <summary>A port for an interface in this process.</summary>
    /// <exception cref="InvalidOperationException">The address has a port already.</exception>
    public IFrameLink Connect(MacAddress mac) => _switch.Connect(mac);

    /// <summary>A port for an interface in another process, which connects to the socket by <see cref="SocketLink"/>. Disposing removes port and socket.</summary>
    /// <param name="socketPath">Whoever may open it may use the port: it belongs in a folder of that instance.</param>
    /// <inheritdoc cref="Connect" path="/exception"/>
    public SwitchListener Listen(MacAddress mac, string socketPath) => new(_switch.Connect(mac), socketPath);

    public void Dispose()
    {
        _dhcp.Dispose();
        _nat.Dispose();
    }
}
