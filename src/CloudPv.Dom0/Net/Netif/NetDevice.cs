using System.Globalization;
using System.Runtime.CompilerServices;
using CloudPv.Dom0.Rings;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Net;

/// <summary>A network interface's backend (the part of Linux's netback): joins a guest's netif rings to a link, which stays when the guest reboots.</summary>
public sealed class NetDevice(int index, MacAddress mac, IFrameLink link, Action<string> log) : IDevice
{
    public string Type => "vif";

    public string Id { get; } = index.ToString(CultureInfo.InvariantCulture);

    public IReadOnlyList<(string Key, string Value)> BackendEntries => [("mac", mac.ToString()), ("handle", Id), ("type", "vif")];

    public IReadOnlyList<(string Key, string Value)> FrontendEntries =>
        [("handle", Id), ("mac", mac.ToString()), ("trusted", "1"), ("mtu", NetworkPlan.Mtu.ToString(CultureInfo.InvariantCulture))];

    /// <summary>What netback offers and this backend keeps: no control ring, no XDP headroom, one queue, and multicast control only as it stands at connection.</summary>
    public void Offer(DeviceNodes nodes)
    {
        foreach (var feature in (ReadOnlySpan<string>)[
            "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload", "feature-rx-copy",
            "feature-multicast-control", "feature-split-event-channels", "multi-queue-max-queues"])
            nodes.WriteBackend(feature, 1);
        nodes.WriteBackend("feature-rx-flip", 0);
        nodes.WriteBackend("hotplug-status", "connected");
    }

    public IDisposable? Connect(IGuest guest, DeviceNodes nodes, out string? refusal)
    {
        if (VifNegotiation.TryRead(nodes, out refusal) is not { } frontend)
            return null;

        var txRing = MapRing(guest, frontend.TxRing, Unsafe.SizeOf<NetifTxRequest>());
        var rxRing = MapRing(guest, frontend.RxRing, Unsafe.SizeOf<NetifRxRequest>());
        if (txRing is not null && rxRing is not null)
        {
            var connection = new VifConnection(guest, frontend, txRing, rxRing, link, log);
            if (connection.TryBind())
                return connection;
            connection.Dispose();
            refusal = "its event channels can't be bound";
            return null;
        }

        txRing?.Dispose();
        rxRing?.Dispose();
        refusal = "its rings can't be mapped";
        return null;
    }

    public void Dispose() => link.Dispose();

    private static BackRing? MapRing(IGuest guest, GrantRef reference, int slotLength) =>
        guest.TryMapGrant(reference, readOnly: false, out var page) == GrantStatus.Okay ? new BackRing([page!], slotLength) : null;
}
