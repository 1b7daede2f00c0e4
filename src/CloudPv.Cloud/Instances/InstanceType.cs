namespace CloudPv.Cloud;

/// <summary>A size of instance, from the catalogue.</summary>
public sealed class InstanceType
{
    /// <summary>As <c>m1.small</c>.</summary>
    public required string Name { get; init; }

    public required int Vcpus { get; init; }

    public required int MemoryMiB { get; init; }

    /// <summary>Its share of processor time against the other instances of a host, as Xen's credit scheduler counts it: 1 to 65535, as a rule 256.</summary>
    public int CpuWeight { get; init; } = 256;

    /// <summary>The most processor time of all its vCPUs, in percent of one processor; 0: no limit.</summary>
    public int CpuCap { get; init; }

    /// <summary>The catalogue. The sizes are those that EC2 sold with PV images.</summary>
    internal static readonly InstanceType[] Catalogue =
    [
        new() { Name = "t1.nano", Vcpus = 1, MemoryMiB = 128, CpuWeight = 64 },
        new() { Name = "t1.micro", Vcpus = 1, MemoryMiB = 256, CpuWeight = 128 },
        new() { Name = "t1.small", Vcpus = 2, MemoryMiB = 256, CpuWeight = 128 },
        new() { Name = "m1.small", Vcpus = 1, MemoryMiB = 1740 },
        new() { Name = "m1.medium", Vcpus = 1, MemoryMiB = 3840 },
        new() { Name = "c1.medium", Vcpus = 2, MemoryMiB = 1740 },
        new() { Name = "m1.large", Vcpus = 2, MemoryMiB = 7680 },
        new() { Name = "m1.xlarge", Vcpus = 4, MemoryMiB = 15360 },
        new() { Name = "c1.xlarge", Vcpus = 8, MemoryMiB = 7168 },
        new() { Name = "m2.4xlarge", Vcpus = 8, MemoryMiB = 70042 },
    ];
}
