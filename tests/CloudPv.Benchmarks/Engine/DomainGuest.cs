using CloudPv.Cli;
using CloudPv.Guests;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using Iced.Intel;

namespace CloudPv.Benchmarks;

/// <summary>A domain whose kernel does its work and powers off.</summary>
internal sealed class DomainGuest : IEngineGuest
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(1);

    private readonly Host _host = new(new HostOptions());
    private readonly Domain _domain;

    public DomainGuest(Action<Assembler> code, int vcpus) => _domain = Domain.Build(_host, new DomainConfig
    {
        Id = new DomainId(1),
        Name = "bench",
        Kernel = PvKernel.Assemble(code),
        VcpuCount = vcpus,
        MemoryMiB = 8,
    });

    public void Run()
    {
        _domain.Unpause();
        if (!_domain.Shutdown.Wait(Hang) || _domain.Shutdown.Result != ShutdownReason.PowerOff)
            throw new CommandFailedException(_domain.Shutdown.IsCompleted ? $"the guest ended by {_domain.Shutdown.Result}" : $"the guest did not end within {Hang}");
    }

    public void Dispose()
    {
        _domain.Dispose();
        _host.Dispose();
    }
}
