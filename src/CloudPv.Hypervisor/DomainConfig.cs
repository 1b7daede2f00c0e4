using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What the hypervisor needs to build one PV domain; devices are dom0's business.</summary>
public sealed record DomainConfig
{
    public required DomainId Id { get; init; }
    public required string Name { get; init; }
    public Guid Uuid { get; init; } = Guid.NewGuid();

    /// <summary>The kernel file as it is: bzImage, ELF, or either compressed.</summary>
    public required ReadOnlyMemory<byte> Kernel { get; init; }

    /// <summary>The ramdisk file as it is; empty: none.</summary>
    public ReadOnlyMemory<byte> Ramdisk { get; init; }

    public string CommandLine { get; init; } = "";
    public int VcpuCount { get; init; } = 1;
    public int MemoryMiB { get; init; } = 128;
    public CpuShare Share { get; init; } = new();
}
