using CloudPv.Xen;

namespace CloudPv.Dom0.Net;

/// <summary>What a frontend wrote into its xenstore folder before it said that it is connected (keys of xen/include/public/io/netif.h).</summary>
/// <param name="TxRing">tx-ring-ref.</param>
/// <param name="RxRing">rx-ring-ref.</param>
/// <param name="TxPort">event-channel-tx, or event-channel where it has one port for both rings.</param>
/// <param name="RxPort">event-channel-rx; null: <paramref name="TxPort"/> stands for both.</param>
/// <param name="ScatterGather">It takes packets of several pages.</param>
/// <param name="GsoV4">It takes large TCP packets over IPv4 whole.</param>
/// <param name="GsoV6">The same over IPv6.</param>
/// <param name="ChecksumV4">It takes packets over IPv4 with a blank checksum.</param>
/// <param name="ChecksumV6">The same over IPv6.</param>
/// <param name="RxNotify">It notifies when it has offered new pages.</param>
/// <param name="ControlsMulticast">It says which multicast addresses it wants.</param>
internal sealed record VifNegotiation(
    GrantRef TxRing,
    GrantRef RxRing,
    EventPort TxPort,
    EventPort? RxPort,
    bool ScatterGather,
    bool GsoV4,
    bool GsoV6,
    bool ChecksumV4,
    bool ChecksumV6,
    bool RxNotify,
    bool ControlsMulticast)
{
    /// <param name="problem">Where the frontend's wishes can't be met: why.</param>
    public static VifNegotiation? TryRead(DeviceNodes nodes, out string? problem)
    {
        var (txPort, rxPort) = (nodes.ReadFrontendNumber("event-channel-tx"), nodes.ReadFrontendNumber("event-channel-rx"));
        if (txPort is null || rxPort is null)
            (txPort, rxPort) = (nodes.ReadFrontendNumber("event-channel"), null);
        var (txRing, rxRing) = (nodes.ReadFrontendNumber("tx-ring-ref"), nodes.ReadFrontendNumber("rx-ring-ref"));
        problem = !Has("request-rx-copy") ? "it wants to receive by page flipping, which is not offered"
            : nodes.ReadFrontendNumber("multi-queue-num-queues") is > 1 ? "it wants more than the one queue that is offered"
            : txRing is null || rxRing is null || txPort is null ? "it gave no rings or no event channel"
            : null;
        return problem is not null
            ? null
            : new VifNegotiation(
                new GrantRef(txRing.GetValueOrDefault()), new GrantRef(rxRing.GetValueOrDefault()),
                new EventPort(txPort.GetValueOrDefault()), rxPort is { } port ? new EventPort(port) : null,
                Has("feature-sg"), Has("feature-gso-tcpv4"), Has("feature-gso-tcpv6"),
                !Has("feature-no-csum-offload"), Has("feature-ipv6-csum-offload"), Has("feature-rx-notify"), Has("request-multicast-control"));

        bool Has(string key) => nodes.ReadFrontendNumber(key) is > 0;
    }
}
