using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One PV domain: its memory, vCPUs, event channels and grants. Built paused.</summary>
public sealed partial class Domain : IGuest, IDisposable
{
    /// <summary>Builds a domain. Throws <see cref="DomainBuildException"/>, whose message says what is wrong with kernel, ramdisk or configuration.</summary>
    public static Domain Build(Host host, DomainConfig config) => throw new NotImplementedException();

    public DomainId Id => throw new NotImplementedException();

    /// <summary>The xenstore and console ring pages and their ports in the guest: allocated by the builder and named in start_info; the toolstack connects them.</summary>
    public Mfn XenstoreFrame => throw new NotImplementedException();
    public EventPort XenstorePort => throw new NotImplementedException();
    public Mfn ConsoleFrame => throw new NotImplementedException();
    public EventPort ConsolePort => throw new NotImplementedException();

    /// <summary>Completes when the domain shuts down by itself, crashes or is destroyed by a hypervisor fault of its own; never faults.</summary>
    public Task<ShutdownReason> Shutdown => throw new NotImplementedException();

    /// <summary>Starts vCPU 0 (and whatever the guest brings up), or lets a paused domain go on.</summary>
    public void Unpause() => throw new NotImplementedException();

    public void Pause() => throw new NotImplementedException();

    /// <summary>Stops every vCPU thread and frees the domain's memory.</summary>
    public void Dispose() => throw new NotImplementedException();

    public GuestPage MapFrame(Mfn frame) => throw new NotImplementedException();
    public GrantStatus TryMapGrant(GrantRef reference, bool readOnly, out GuestPage? page) => throw new NotImplementedException();
    public EventPort AllocateUnboundPort() => throw new NotImplementedException();
    public IEventChannel? TryBindInterdomain(EventPort guestPort, Action onEvent) => throw new NotImplementedException();
}

/// <summary>A kernel, ramdisk or configuration that no domain can be built from. The message is for the user.</summary>
public sealed class DomainBuildException(string message) : Exception(message);
