using CloudPv.Dom0.Xenstore;
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
    bool RxNotify)
{
    /// <param name="problem">Why there is none: for the log.</param>
    public static VifNegotiation? TryRead(LocalStore store, string frontend, out string problem)
    {
        problem = "";
        if (!Flag("request-rx-copy"))
            problem = "the frontend wants to receive by page flipping, which is not offered";
        else if (store.ReadNumber($"{frontend}/multi-queue-num-queues") is > 1)
            problem = "the frontend wants more than the one queue that is offered";

        var txPort = store.ReadNumber($"{frontend}/event-channel-tx");
        var rxPort = store.ReadNumber($"{frontend}/event-channel-rx");
        if (txPort is null || rxPort is null)
            (txPort, rxPort) = (store.ReadNumber($"{frontend}/event-channel"), null);
        if (store.ReadNumber($"{frontend}/tx-ring-ref") is not { } tx || store.ReadNumber($"{frontend}/rx-ring-ref") is not { } rx || txPort is not { } port)
        {
            problem = "the frontend gave no rings or no event channel";
            return null;
        }

        return problem.Length > 0
            ? null
            : new VifNegotiation(
                new GrantRef(tx), new GrantRef(rx), new EventPort(port), rxPort is { } split ? new EventPort(split) : null,
                Flag("feature-sg"), Flag("feature-gso-tcpv4"), Flag("feature-gso-tcpv6"),
                !Flag("feature-no-csum-offload"), Flag("feature-ipv6-csum-offload"), Flag("feature-rx-notify"));

        bool Flag(string key) => store.ReadNumber($"{frontend}/{key}") is > 0;
    }
}
