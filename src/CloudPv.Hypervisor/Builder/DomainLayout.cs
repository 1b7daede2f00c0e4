using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A run of a new domain's pages.</summary>
internal readonly record struct PageRun(Pfn First, ulong Count);

/// <summary>Which page of a new domain holds what: handed out from page 0 up, so that the kernel's linear addresses are <see cref="VirtualBase"/> + pfn.</summary>
internal sealed class DomainLayout(ulong virtualBase, ulong pageCount)
{
    private const int PageShift = 12;
    private const ulong PageSize = 1 << PageShift;

    public ulong VirtualBase => virtualBase;

    /// <summary>The first page that is not handed out yet, and its linear address.</summary>
    public Pfn Next { get; private set; }

    public ulong NextAddress => virtualBase + (Next.Value << PageShift);

    public GuestVirtual AddressOf(Pfn page) => new(virtualBase + (page.Value << PageShift));

    public static ulong PagesFor(ulong bytes) => (bytes + PageSize - 1) >> PageShift;

    /// <summary>The next pages. Throws <see cref="DomainBuildException"/> where the domain has no more.</summary>
    public PageRun Take(ulong count, string what)
    {
        if (count > pageCount - Next.Value)
        {
            throw new DomainBuildException(
                $"The domain's memory of {pageCount >> 8} MiB is too small: its {what} alone would end at {(Next.Value + count + 255) >> 8} MiB.");
        }
        var run = new PageRun(Next, count);
        Next = new(Next.Value + count);
        return run;
    }

    /// <summary>Skips pages up to a linear address.</summary>
    public void PadTo(ulong address, string what)
    {
        if (address > NextAddress)
            Take(PagesFor(address - NextAddress), what);
    }
}
