using System.Collections.Concurrent;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One hypervisor: machine memory and the domains in it. A process usually has one, with one domain.</summary>
public sealed class Host : IDisposable
{
    private readonly ConcurrentDictionary<DomainId, Domain> _domains = new();

    public Host(HostOptions options)
    {
        Options = options;
        Machine = new MachineMemory(MachineFrames);
        MachineToPhys = new MachineToPhys(Machine, FirstXenFrame.Value);
        Frames = new FrameTable(FirstDomainFrame.Value, MachineFrames);
    }

    internal HostOptions Options { get; }

    /// <summary>System time, the same for all domains.</summary>
    internal SystemClock Clock { get; } = new();

    /// <summary>All machine memory; each domain's frames are a range of it.</summary>
    internal MachineMemory Machine { get; }

    /// <summary>Frames that the machine-to-phys table and the reserved host addresses have room for: 256 GiB, of which only a domain's own are backed.</summary>
    internal const ulong MachineFrames = 1UL << 26;

    /// <summary>Where Xen's own frames begin, and those of domains: their numbers are never those that a guest uses itself.</summary>
    internal static readonly Mfn FirstXenFrame = new(1UL << 10);
    internal static readonly Mfn FirstDomainFrame = new(1UL << 18);

    /// <summary>The bookkeeping of all frames, and the ranges that domains have.</summary>
    internal FrameTable Frames { get; }

    internal MachineToPhys MachineToPhys { get; }

    internal void Log(string line) => Options.Log(line);

    internal bool TryGetDomain(DomainId id, out Domain domain) => _domains.TryGetValue(id, out domain!);

    internal void Add(Domain domain)
    {
        if (!_domains.TryAdd(domain.Id, domain))
            throw new DomainBuildException($"a domain with the id {domain.Id} runs already");
    }

    internal void Remove(Domain domain) => _domains.TryRemove(new(domain.Id, domain));

    public void Dispose()
    {
        foreach (Domain domain in _domains.Values)
            domain.Dispose();
        Frames.Dispose();
        Machine.Dispose();
    }
}

/// <summary>Settings of a <see cref="Host"/>.</summary>
public sealed record HostOptions
{
    public TranslatorOptions Translator { get; init; } = new();

    /// <summary>Where translations outlive domains (<see cref="TranslationCacheFile"/>); null: nowhere. Its files are trusted like the program's own.</summary>
    public string? TranslationFolder { get; init; }

    /// <summary>How much CPU time there is between two looks at what a vCPU does (<see cref="Domain.Profile"/>); null: nobody looks.</summary>
    public TimeSpan? ProfilePeriod { get; init; }

    /// <summary>Where the hypervisor's own log (xl dmesg) goes, a line a call.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}
