using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// A domain as its backends in dom0 see it: pages that it granted or that the toolstack gave it, and event channels to it.
/// Everything here is safe against a hostile guest: a bad reference is an error value.
/// </summary>
public interface IGuest
{
    DomainId Id { get; }

    /// <summary>A page that the domain builder reserved (xenstore ring, console ring).</summary>
    GuestPage MapFrame(Mfn frame);

    /// <summary>Maps a page that the guest granted to dom0 (GNTTABOP_map_grant_ref). Disposing unmaps it.</summary>
    GrantStatus TryMapGrant(GrantRef reference, bool readOnly, out GuestPage? page);

    /// <summary>Allocates a port in the guest that dom0 may bind (the toolstack's EVTCHNOP_alloc_unbound for xenstore and console).</summary>
    EventPort AllocateUnboundPort();

    /// <summary>Binds to a port that the guest allocated for dom0 (EVTCHNOP_bind_interdomain).</summary>
    /// <param name="onEvent">Called when the guest notifies; on an unspecified thread, must not block, and is not called twice at once.</param>
    /// <returns>Null where the port is not one that dom0 may bind.</returns>
    IEventChannel? TryBindInterdomain(EventPort guestPort, Action onEvent);
}

/// <summary>Dom0's end of an event channel. Disposing closes it.</summary>
public interface IEventChannel : IDisposable
{
    /// <summary>Raises the event in the guest (EVTCHNOP_send). From any thread.</summary>
    void Notify();
}

/// <summary>One guest page (or a run of pages mapped together) seen from dom0. The guest may write it at any time: read each value once.</summary>
public abstract class GuestPage : IDisposable
{
    public abstract Span<byte> Bytes { get; }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
