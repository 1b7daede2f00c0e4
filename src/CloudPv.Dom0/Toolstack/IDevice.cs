using CloudPv.Hypervisor;

namespace CloudPv.Dom0;

/// <summary>The backend of one split-driver device. It holds what stays when the guest reboots (an open disk, a port of a switch);
/// <see cref="XenbusDevice"/> walks it through the states of xenbus for each domain that uses it.</summary>
public interface IDevice : IDisposable
{
    /// <summary>The kind as in xenstore: vbd, vif.</summary>
    string Type { get; }

    /// <summary>Its number within the kind, as in xenstore: 51712.</summary>
    string Id { get; }

    /// <summary>What the toolstack writes for both ends beside <c>frontend</c>, <c>backend</c>, their ids, <c>online</c> and <c>state</c>.</summary>
    IReadOnlyList<(string Key, string Value)> BackendEntries { get; }
    IReadOnlyList<(string Key, string Value)> FrontendEntries { get; }

    /// <summary>Publishes what is offered, before the frontend decides (state InitWait follows).</summary>
    void Offer(DeviceNodes nodes);

    /// <summary>Connects to the rings that the frontend published, and publishes the device's own properties (state Connected follows).</summary>
    /// <returns>What serves the frontend until it is disposed of; null where the frontend's wishes can't be met, for the reason given.</returns>
    IDisposable? Connect(IGuest guest, DeviceNodes nodes, out string? refusal);
}
