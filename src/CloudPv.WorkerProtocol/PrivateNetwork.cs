using System.Net;

namespace CloudPv.WorkerProtocol;

/// <summary>The IPv4 network that all instances are on. The cloud gives out its addresses; a host's DHCP and NAT serve it.</summary>
public static class PrivateNetwork
{
    /// <summary>The first address that an instance may have is the network's plus this; those before are the network's own services.</summary>
    public const int FirstInstance = 16;

    public static readonly IPNetwork Network = new(IPAddress.Parse("10.0.0.0"), 16);
}
