using System.Buffers.Binary;
using System.Net;

namespace CloudPv.Dom0.Net;

/// <summary>The addresses of a host's network. As in an EC2 subnet the first ones are the network's own: .1 the gateway, .2 the name server, .3 the DHCP server.</summary>
/// <param name="Network">IPv4; by default 10.0.0.0/16.</param>
public sealed record NetworkPlan(IPNetwork Network)
{
    public const int Mtu = 1500;

    /// <summary>The first address for an instance is the network's plus this.</summary>
    public const int FirstInstance = 16;

    /// <summary>Locally administered, as that of the gateway is, which libslirp derives from its address (52:55 + IPv4).</summary>
    public static readonly MacAddress DhcpMac = new(0x0200_0000_0003);

    public static readonly NetworkPlan Default = new(new IPNetwork(IPAddress.Parse("10.0.0.0"), 16));

    /// <summary>Packets to it reach the host's own loopback; beyond it is the outside.</summary>
    public IPAddress Gateway => AddressAt(1);
    public IPAddress NameServer => AddressAt(2);
    public IPAddress DhcpAddress => AddressAt(3);
    public IPAddress Mask => FromNumber(uint.MaxValue << (32 - Network.PrefixLength));
    public IPAddress BroadcastAddress => AddressAt((int)(uint.MaxValue >> Network.PrefixLength));

    /// <summary>The address that many above the network's.</summary>
    public IPAddress AddressAt(int index) => FromNumber(BinaryPrimitives.ReadUInt32BigEndian(Network.BaseAddress.GetAddressBytes()) + (uint)index);

    private static IPAddress FromNumber(uint number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}
