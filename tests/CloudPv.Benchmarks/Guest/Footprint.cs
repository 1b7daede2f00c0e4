using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>Memory of a process that runs a guest, in bytes.</summary>
/// <param name="Touched">The guest's own pages.</param>
/// <param name="Private">Beside them, what is this process's alone.</param>
/// <param name="Beside">Beside them, all that is resident.</param>
/// <param name="Peak">The most that was resident at once, the guest's pages included.</param>
internal sealed record Footprint(ulong Touched, ulong Private, ulong Beside, ulong Peak)
{
    /// <summary>Null: none of its mappings is the guest's memory.</summary>
    public static Footprint? OfProcess(int id, Func<MemoryMapping, bool> isGuestMemory)
    {
        var mappings = MemoryMapping.OfProcess(id);
        var peak = File.ReadLines($"/proc/{id.ToInvariant()}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return Of(mappings, isGuestMemory, ulong.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10);
    }

    /// <summary>Null: none of the mappings is the guest's memory.</summary>
    public static Footprint? Of(IReadOnlyCollection<MemoryMapping> mappings, Func<MemoryMapping, bool> isGuestMemory, ulong peak)
    {
        if (!mappings.Any(isGuestMemory))
            return null;
        var beside = mappings.Where(mapping => !isGuestMemory(mapping)).ToArray();
        return new Footprint(
            Sum(mappings.Where(isGuestMemory).Select(mapping => mapping.Held)), Sum(beside.Select(mapping => mapping.Private)), Sum(beside.Select(mapping => mapping.Held)), peak);
    }

    private static ulong Sum(IEnumerable<ulong> values) => values.Aggregate(0ul, (sum, value) => sum + value);
}
