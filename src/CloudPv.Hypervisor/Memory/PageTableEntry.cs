using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The bits of an x86-64 page-table entry (SDM vol. 3, 4.5) and what Xen makes of them for a 64-bit PV guest.</summary>
internal static class PageTableEntry
{
    public const int EntriesPerTable = 512;

    public const ulong Present = 1UL << 0;
    public const ulong Writable = 1UL << 1;
    public const ulong User = 1UL << 2;
    public const ulong WriteThrough = 1UL << 3;
    public const ulong CacheDisable = 1UL << 4;
    public const ulong Accessed = 1UL << 5;
    public const ulong Dirty = 1UL << 6;

    /// <summary>PAT in level 1, PS (a large page) above.</summary>
    public const ulong LargeOrPat = 1UL << 7;
    public const ulong Global = 1UL << 8;
    public const ulong NoExecute = 1UL << 63;

    /// <summary>_PAGE_GUEST_KERNEL: the guest didn't set User. It is set in all entries, as the guest's kernel runs at CPL 3, too.</summary>
    public const ulong GuestKernel = 1UL << 52;

    public const ulong AddressMask = 0x000f_ffff_ffff_f000;

    /// <summary>Bits that a domain without devices of its own may not set (L1_DISALLOW_MASK, L2_DISALLOW_MASK, …).</summary>
    public const ulong ForbiddenInL1 = WriteThrough | CacheDisable | LargeOrPat;
    public const ulong ForbiddenAbove = ForbiddenInL1 | Global;

    /// <summary>Bits whose change needs no new validation (FASTPATH_FLAG_WHITELIST): they don't change what is mapped, nor whether it may be written.</summary>
    public const ulong FastPath = NoExecute | (0x7ffUL << 52) | (7UL << 9) | Global | Dirty | Accessed | User;

    public static Mfn Frame(ulong entry) => new((entry & AddressMask) >> 12);

    public static bool IsPresent(ulong entry) => (entry & Present) != 0;

    public static bool IsWritable(ulong entry) => (entry & Writable) != 0;

    /// <summary>adjust_guest_l1e … adjust_guest_l4e: what is really written for what the guest asked.</summary>
    public static ulong Adjust(FrameType level, ulong entry)
    {
        if (!IsPresent(entry))
            return entry;
        return level switch
        {
            FrameType.L1 when (entry & User) == 0 => entry | GuestKernel | User,
            FrameType.L1 when (entry & GuestKernel) == 0 => entry | Global | User,
            FrameType.L4 => entry | Accessed | User,
            _ => entry | User,
        };
    }

    public static ulong Forbidden(FrameType level) => level == FrameType.L1 ? ForbiddenInL1 : ForbiddenAbove;

    /// <summary>The table's slot for a linear address.</summary>
    public static int Slot(FrameType level, ulong address) => (int)(address >> (12 + 9 * (level - FrameType.L1))) & (EntriesPerTable - 1);
}
