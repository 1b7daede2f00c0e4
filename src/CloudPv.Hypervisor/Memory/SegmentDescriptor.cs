using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Which 8-byte segment descriptors (SDM vol. 3, 3.4.5) a PV guest may have in its tables.</summary>
internal static unsafe class SegmentDescriptor
{
    private const uint PresentBit = 1 << 15, SystemBit = 1 << 12, TypeMask = 0xf00, CallGate = 0xc00, PrivilegeMask = 3 << 13;
    private const int PerPage = 512;

    /// <summary>check_descriptor: a descriptor that would let the guest into Xen's rings is lowered to ring 3, where that can be done, or refused.</summary>
    public static bool TryFix(ref ulong descriptor)
    {
        uint low = (uint)descriptor, high = (uint)(descriptor >> 32);
        if ((high & PresentBit) == 0)
            return true;
        uint privilege = Math.Max((high & PrivilegeMask) >> 13, 3);
        high = high & ~PrivilegeMask | privilege << 13;
        if ((high & SystemBit) == 0)
        {
            if ((high & TypeMask) == 0)
                return true;
            if ((high & TypeMask) != CallGate || !TryFixCallGate(ref low, ref high, privilege))
                return false;
        }
        descriptor = (ulong)high << 32 | low;
        return true;
    }

    /// <summary>A gate's privilege becomes 0, so that its use faults and can be emulated; the privilege that was meant is kept in the selector.</summary>
    private static bool TryFixCallGate(ref uint low, ref uint high, uint privilege)
    {
        const uint LocalTable = 4;
        uint selector = low >> 16;
        if (selector >= DescriptorTables.FirstReservedByte && selector != FlatSelectors.Code64 && (selector & LocalTable) == 0)
            return false;
        high &= ~PrivilegeMask;
        low = low & 0xffff | (selector & ~3u | privilege) << 16;
        return (high & 0xff) == 0;
    }

    /// <summary>Checks and fixes a page that becomes part of a descriptor table. SAFETY: <paramref name="page"/> is the page's host address.</summary>
    public static bool ValidatePage(byte* page)
    {
        foreach (ref ulong descriptor in new Span<ulong>(page, PerPage))
        {
            if (!TryFix(ref descriptor))
                return false;
        }
        return true;
    }
}
