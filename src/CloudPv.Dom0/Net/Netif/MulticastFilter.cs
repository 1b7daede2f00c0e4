using System.Collections.Concurrent;

namespace CloudPv.Dom0.Net;

/// <summary>The multicast addresses that a guest asked for.</summary>
/// <param name="isControlled">It has taken control of them (request-multicast-control); otherwise it gets all.</param>
internal sealed class MulticastFilter(bool isControlled)
{
    /// <summary>XEN_NETBK_MCAST_MAX: netback's limit too.</summary>
    private const int MaxAddresses = 64;

    private readonly ConcurrentDictionary<MacAddress, byte> _wanted = new();

    /// <returns>False: there are too many.</returns>
    public bool TryAdd(MacAddress address)
    {
        if (_wanted.ContainsKey(address))
            return true;
        return _wanted.Count < MaxAddresses && _wanted.TryAdd(address, 0);
    }

    public void Remove(MacAddress address) => _wanted.TryRemove(address, out _);

    public bool Passes(MacAddress destination) =>
        !isControlled || !destination.IsMulticast || destination == MacAddress.Broadcast || _wanted.ContainsKey(destination);
}
