using System.Collections.Immutable;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One PV domain: its memory, vCPUs, event channels and grants. Built paused.</summary>
public sealed unsafe partial class Domain : IGuest, IDisposable
{
    private Domain(Host host, DomainConfig config)
    {
        Host = host;
        Config = config;
        Bus = new CpuBus(host.Machine, host.Options.Translator);
        Memory = new DomainMemory(this);
        SharedInfoFrame = Memory.AllocateXenFrame(writable: true);
        Vcpus = [.. Enumerable.Range(0, config.VcpuCount).Select(id => new Vcpu(this, id))];
        XenstorePort = AllocateUnboundPort();
        ConsolePort = AllocateUnboundPort();
    }

    /// <summary>Builds a domain. Throws <see cref="DomainBuildException"/>, whose message says what is wrong with kernel, ramdisk or configuration.</summary>
    public static Domain Build(Host host, DomainConfig config)
    {
        var domain = new Domain(host, config);
        StartOfDay start = DomainBuilder.Build(domain);
        domain.XenstoreFrame = start.XenstoreFrame;
        domain.ConsoleFrame = start.ConsoleFrame;
        host.Add(domain);
        return domain;
    }

    public DomainId Id => Config.Id;

    internal Host Host { get; }
    internal DomainConfig Config { get; }

    /// <summary>Joins this domain's CPUs; its frame rights are kept by <see cref="Memory"/>.</summary>
    internal CpuBus Bus { get; }

    internal DomainMemory Memory { get; }

    internal ImmutableArray<Vcpu> Vcpus { get; }

    internal Mfn SharedInfoFrame { get; }

    /// <summary>The shared_info page. The guest may write it at any time.</summary>
    internal ref SharedInfo SharedInfo => ref *(SharedInfo*)Memory.Pointer(SharedInfoFrame);

    /// <summary>The xenstore and console ring pages and their ports in the guest: allocated by the builder and named in start_info; the toolstack connects them.</summary>
    public Mfn XenstoreFrame { get; private set; }
    public EventPort XenstorePort { get; }
    public Mfn ConsoleFrame { get; private set; }
    public EventPort ConsolePort { get; }

    /// <summary>Completes when the domain shuts down by itself, crashes or is destroyed by a hypervisor fault of its own; never faults.</summary>
    public Task<ShutdownReason> Shutdown => throw new NotImplementedException();

    /// <summary>Starts vCPU 0 (and whatever the guest brings up), or lets a paused domain go on.</summary>
    public void Unpause() => throw new NotImplementedException();

    public void Pause() => throw new NotImplementedException();

    /// <summary>Stops every vCPU thread and frees the domain's memory.</summary>
    public void Dispose() => throw new NotImplementedException();

    /// <summary>Ends this domain alone as a crash, with a line in the hypervisor's log and the calling vCPU's registers.</summary>
    internal void Crash(Vcpu? vcpu, string reason) => throw new NotImplementedException();

    public GuestPage MapFrame(Mfn frame) => throw new NotImplementedException();
    public GrantStatus TryMapGrant(GrantRef reference, bool readOnly, out GuestPage? page) => throw new NotImplementedException();
    public EventPort AllocateUnboundPort() => throw new NotImplementedException();
    public IEventChannel? TryBindInterdomain(EventPort guestPort, Action onEvent) => throw new NotImplementedException();
}

/// <summary>A kernel, ramdisk or configuration that no domain can be built from. The message is for the user.</summary>
public sealed class DomainBuildException(string message) : Exception(message);
