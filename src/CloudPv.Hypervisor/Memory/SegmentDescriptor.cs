using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Which 8-byte segment descriptors (SDM vol. 3, 3.4.5) a PV guest may have in its tables, and what it may use them for.</summary>
internal static unsafe class SegmentDescriptor
{
    private const uint PresentBit = 1 << 15, SystemBit = 1 << 12, TypeMask = 0xf00, CallGate = 0xc00, PrivilegeMask = 3 << 13;
    private const int PerPage = 512;

    private const ulong Present = 1UL << 47, NotSystem = 1UL << 44, Code = 1UL << 43, Conforming = 1UL << 42, ReadableOrWritable = 1UL << 41;
    private const ulong Privilege = 3UL << 45, Long = 1UL << 53, Default32 = 1UL << 54;

    /// <summary>Selectors 0 to 3.</summary>
    public static bool IsNull(ushort selector) => selector <= 3;

    public static bool IsPresent(ulong descriptor) => (descriptor & Present) != 0;

    /// <summary>Present, not a system segment, and data or readable code that CPL 3 may use.</summary>
    public static bool IsLoadableData(ulong descriptor) =>
        (descriptor & (Present | NotSystem)) == (Present | NotSystem) && (descriptor & (Code | ReadableOrWritable)) != Code && IsVisible(descriptor);

    /// <summary>A stack of CPL 3, present or not.</summary>
    public static bool IsWritableData(ulong descriptor) =>
        (descriptor & (NotSystem | Code | ReadableOrWritable | Privilege)) == (NotSystem | ReadableOrWritable | Privilege);

    /// <summary>64-bit code that CPL 3 may run, present or not.</summary>
    public static bool IsLongCode(ulong descriptor) =>
        (descriptor & (NotSystem | Code | Long | Default32)) == (NotSystem | Code | Long) && IsVisible(descriptor);

    private static bool IsVisible(ulong descriptor) => (descriptor & Privilege) == Privilege || (descriptor & (Code | Conforming)) == (Code | Conforming);

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
