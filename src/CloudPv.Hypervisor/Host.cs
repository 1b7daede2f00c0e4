using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>One hypervisor: machine memory and the domains in it. A process usually has one, with one domain.</summary>
public sealed class Host : IDisposable
{
    public Host(HostOptions options) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

/// <summary>Settings of a <see cref="Host"/>.</summary>
public sealed record HostOptions
{
    public TranslatorOptions Translator { get; init; } = new();

    /// <summary>Where the hypervisor's own log (xl dmesg) goes, a line a call.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}
