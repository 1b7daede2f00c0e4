using System.Collections.Concurrent;
using System.Net;

namespace CloudPv.Dom0.Net;

/// <summary>Which instance has which address: the owner of the network decides, DHCP only tells.</summary>
public sealed class AddressTable
{
    private readonly ConcurrentDictionary<MacAddress, AddressAssignment> _byMac = new();

    public void Set(MacAddress mac, AddressAssignment assignment) => _byMac[mac] = assignment;

    public void Remove(MacAddress mac) => _byMac.TryRemove(mac, out _);

    public AddressAssignment? Find(MacAddress mac) => _byMac.GetValueOrDefault(mac);
}

/// <param name="Address">IPv4, in the network.</param>
/// <param name="HostName">The instance's own name; null: it is told none.</param>
public sealed record AddressAssignment(IPAddress Address, string? HostName = null);
