namespace CloudPv.Benchmarks;

/// <summary>What one row of a report measures.</summary>
/// <param name="Group">The rows that stand together: cpu, mem, boot, …</param>
/// <param name="Name">Unique in a report together with <paramref name="Cpus"/>.</param>
/// <param name="Cpus">CPUs of the guest; 0 where there is no guest.</param>
/// <param name="Unit">As it is printed: MiB/s, ms, …</param>
/// <param name="Better">Which values are the good ones.</param>
internal sealed record Row(string Group, string Name, int Cpus, string Unit, Better Better);

internal enum Better
{
    Higher,
    Lower,
}
