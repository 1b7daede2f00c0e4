using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Block;

/// <summary>The ring that a frontend published, mapped.</summary>
internal sealed record BlockRing(BlkifAbi Abi, IReadOnlyList<GuestPage> Pages, bool IsPersistent, EventPort Port)
{
    /// <summary>What <c>max-ring-page-order</c> offers: blkback's own default.</summary>
    public const int MaxPageOrder = 4;

    /// <summary>Reads what the frontend wishes for and maps its pages.</summary>
    /// <returns>Null where that can't be met, for the reason given.</returns>
    public static BlockRing? Map(IGuest guest, DeviceNodes nodes, out string? refusal)
    {
        if (BlkifAbi.ByProtocol(nodes.ReadFrontend("protocol")) is not { } abi)
            return Refuse("its protocol is unknown", out refusal);
        if (nodes.ReadFrontendNumber("multi-queue-num-queues") is > 1)
            return Refuse("it wants several queues, and one was offered", out refusal);
        if (nodes.ReadFrontendNumber("event-channel") is not { } port)
            return Refuse("it has no event-channel", out refusal);
        uint? order = nodes.ReadFrontendNumber("ring-page-order");
        if (order > MaxPageOrder)
            return Refuse($"its ring-page-order is {order}, and {MaxPageOrder} was offered", out refusal);

        var pages = new List<GuestPage>();
        int count = 1 << (int)(order ?? 0);
        for (int i = 0; i < count; i++)
        {
            // With one page a frontend may use either name.
            uint? reference = nodes.ReadFrontendNumber($"ring-ref{i}") ?? (count == 1 ? nodes.ReadFrontendNumber("ring-ref") : null);
            GuestPage? page = null;
            if (reference is null || guest.TryMapGrant(new(reference.Value), readOnly: false, out page) != GrantStatus.Okay)
            {
                pages.ForEach(mapped => mapped.Dispose());
                return Refuse($"page {i} of its ring is missing or not granted", out refusal);
            }
            pages.Add(page!);
        }
        refusal = null;
        return new(abi, pages, nodes.ReadFrontendNumber("feature-persistent") is 1, new(port));
    }

    private static BlockRing? Refuse(string reason, out string? refusal)
    {
        refusal = reason;
        return null;
    }
}
