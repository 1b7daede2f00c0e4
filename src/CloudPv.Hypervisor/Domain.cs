using System.Collections.Immutable;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One PV domain: its memory, vCPUs, event channels and grants. Built paused.</summary>
public sealed unsafe partial class Domain : IGuest, IDisposable
{
    /// <summary>More than any kernel was tested with.</summary>
    private const int MaxVcpus = 128;

    private ulong _vmAssist;
    private int _descriptorVersion;
    private int _hasEoiMap;
    private readonly DomainTranslations? _translations;

    /// <param name="load">Called as soon as the domain has its memory: what that begins is done while the CPUs are made, on another of the host's processors.</param>
    /// <param name="translations">Null: none are kept.</param>
    private Domain(Host host, DomainConfig config, Action<DomainMemory> load, Task<TranslationCacheFile>? translations)
    {
        Host = host;
        Config = config;
        Bus = new CpuBus(host.Machine, host.Options.Translator);
        Memory = new DomainMemory(this);
        load(Memory);
        if (translations is not null && Bus.Translations is { } cache)
            _translations = new DomainTranslations(cache, translations);
        SharedInfoFrame = Memory.AllocateXenFrame(writable: true);
        Watchdogs = new Watchdogs(this);
        Cap = config.Share.Cap == 0 ? null : new CpuCap(config.Share.Cap, config.VcpuCount);
        Vcpus = [.. Enumerable.Range(0, config.VcpuCount).Select(id => new Vcpu(this, id))];
        Events = new EventChannels(this);
        Grants = new GrantTable(this);
        XenstorePort = AllocateUnboundPort();
        ConsolePort = AllocateUnboundPort();
        SetWallClock();
    }

    /// <summary>Builds a domain. Throws <see cref="DomainBuildException"/>, whose message says what is wrong with kernel, ramdisk or configuration.</summary>
    public static Domain Build(Host host, DomainConfig config)
    {
        if (config.VcpuCount is < 1 or > MaxVcpus)
            throw new DomainBuildException($"a domain has 1 to {MaxVcpus} vCPUs, not {config.VcpuCount}");
        if (config.Share.Problem(config.VcpuCount) is { } problem)
            throw new DomainBuildException(problem);

        Task<DomainBuilder>? loading = null;
        Task<TranslationCacheFile>? translations = host.Options.TranslationFolder is { } folder
            ? Task.Run(() => new TranslationCacheFile(folder, config.Kernel.Span, host.Options.Translator, host.Log))
            : null;
        try
        {
            return Build(new Domain(host, config, memory => loading = Task.Run(() => DomainBuilder.Load(memory, config)), translations), loading!);
        }
        finally
        {
            // Whatever became of the domain, the files are the caller's again.
            if (loading is not null)
                Task.WaitAny(loading);
            if (translations is not null)
                Task.WaitAny(translations);
        }
    }

    private static Domain Build(Domain domain, Task<DomainBuilder> loading)
    {
        DomainConfig config = domain.Config;
        try
        {
            DomainBuilder builder = loading.GetAwaiter().GetResult();
            domain.Host.Add(domain);
            StartOfDay start = builder.Finish(domain);
            domain.XenstoreFrame = start.XenstoreFrame;
            domain.ConsoleFrame = start.ConsoleFrame;
            domain.Grants.GrantToDom0(GrantTable.ConsoleReference, start.ConsoleFrame);
            domain.Grants.GrantToDom0(GrantTable.XenstoreReference, start.XenstoreFrame);
            domain.Vcpus[0].Initialise(start);
            if (domain.Memory.SetBasePointer(domain.Vcpus[0], CpuMode.Kernel, start.PageTable) != 0)
                throw new InvalidOperationException("The domain builder made a page table that can't be taken into use.");
            domain._translations?.Loaded.GetAwaiter().GetResult();
            domain.Config = config with { Kernel = default, Ramdisk = default };
            return domain;
        }
        catch
        {
            domain.Dispose();
            throw;
        }
    }

    public DomainId Id => Config.Id;

    internal Host Host { get; }
    /// <summary>Without the files once the domain is built.</summary>
    internal DomainConfig Config { get; private set; }

    /// <summary>Joins this domain's CPUs; its frame rights are kept by <see cref="Memory"/>.</summary>
    internal CpuBus Bus { get; }

    internal DomainMemory Memory { get; }
    internal ImmutableArray<Vcpu> Vcpus { get; }
    internal EventChannels Events { get; }
    internal GrantTable Grants { get; }
    internal GrantHandles MappedGrants { get; } = new();
    internal Watchdogs Watchdogs { get; }

    /// <summary>Null: the domain may use what it can get.</summary>
    internal CpuCap? Cap { get; }

    internal Mfn SharedInfoFrame { get; }

    /// <summary>The shared_info page. The guest may write it at any time.</summary>
    internal ref SharedInfo SharedInfo => ref *(SharedInfo*)Memory.Pointer(SharedInfoFrame);

    /// <summary>The xenstore and console ring pages and their ports in the guest: allocated by the builder and named in start_info; the toolstack connects them.</summary>
    public Mfn XenstoreFrame { get; private set; }
    public EventPort XenstorePort { get; }
    public Mfn ConsoleFrame { get; private set; }
    public EventPort ConsolePort { get; }

    /// <summary>What the domain's vCPUs did so far.</summary>
    public DomainCounters Counters => DomainCounters.Sum(Vcpus);

    /// <summary>What its vCPUs spent time on so far; null where <see cref="HostOptions.ProfilePeriod"/> asks for none. Only of a domain that is paused or has ended.</summary>
    public DomainProfile? Profile => Host.Options.ProfilePeriod is { } period ? DomainProfile.Of(period, Vcpus) : null;

    /// <summary>Whether the guest turned an assist on (vm_assist).</summary>
    internal bool HasAssist(VmAssistType type) => (Volatile.Read(ref _vmAssist) >> (int)type & 1) != 0;

    internal void SetAssist(VmAssistType type, bool enabled)
    {
        if (enabled)
            Interlocked.Or(ref _vmAssist, 1UL << (int)type);
        else
            Interlocked.And(ref _vmAssist, ~(1UL << (int)type));
        foreach (Vcpu vcpu in Vcpus)
            vcpu.CloseSystemCallGate();
    }

    /// <summary>Counts the changes of descriptors that vCPUs may have in use.</summary>
    internal int DescriptorVersion => Volatile.Read(ref _descriptorVersion);

    /// <summary>Notes that a descriptor has changed, in whatever table it stands.</summary>
    internal void NoteDescriptorChange()
    {
        Interlocked.Increment(ref _descriptorVersion);
        foreach (Vcpu vcpu in Vcpus)
            vcpu.DistrustUserSelectors();
    }

    /// <summary>Notes that the guest set a page for EOIs of physical interrupts, which keeps the reference that the caller took. False: it has one already.</summary>
    internal bool TrySetEoiMap() => Interlocked.Exchange(ref _hasEoiMap, 1) == 0;

    /// <summary>The vCPU of a number that the guest gave. False: there is none.</summary>
    internal bool TryGetVcpu(ulong id, out Vcpu vcpu)
    {
        bool exists = id < (ulong)Vcpus.Length;
        vcpu = exists ? Vcpus[(int)id] : null!;
        return exists;
    }

    /// <summary>Tells the guest what time of day system time 0 was.</summary>
    private void SetWallClock()
    {
        const ulong NanosecondsPerSecond = 1_000_000_000;
        (ulong seconds, ulong nanoseconds) = Math.DivRem(Host.Clock.WallClockAtZero, NanosecondsPerSecond);
        ref SharedInfo shared = ref SharedInfo;
        shared.WcSec = (uint)seconds;
        shared.WcSecHi = (uint)(seconds >> 32);
        shared.WcNsec = (uint)nanoseconds;
        shared.WcVersion = 2;
    }
}

/// <summary>A kernel, ramdisk or configuration that no domain can be built from. The message is for the user.</summary>
public sealed class DomainBuildException(string message) : Exception(message);
