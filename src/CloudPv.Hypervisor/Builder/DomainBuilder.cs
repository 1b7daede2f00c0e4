using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Lays out a PV domain's first memory from its kernel and ramdisk.</summary>
internal static class DomainBuilder
{
    /// <summary>Fills the domain's memory: image, ramdisk, p2m, start_info (with <see cref="Domain.XenstorePort"/>, <see cref="Domain.ConsolePort"/> and
    /// <see cref="Domain.SharedInfoFrame"/>, which exist by then), ring pages, page tables. Throws <see cref="DomainBuildException"/>.</summary>
    public static StartOfDay Build(Domain domain) => throw new NotImplementedException();
}

/// <summary>Where vCPU 0 begins, and what the builder placed for the toolstack.</summary>
internal readonly record struct StartOfDay(
    GuestVirtual Entry, GuestVirtual StartInfo, GuestVirtual StackTop, Mfn PageTable, Mfn XenstoreFrame, Mfn ConsoleFrame);
