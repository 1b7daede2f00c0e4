namespace CloudPv.Xen;

/// <summary>The flat segments in Xen's reserved part of every guest's GDT: xen/include/public/arch-x86/xen-x86_64.h.</summary>
public static class FlatSelectors
{
    /// <summary>FLAT_RING3_CS32.</summary>
    public const ushort Code32 = 0xe023;

    /// <summary>FLAT_RING3_DS32, FLAT_RING3_SS64, FLAT_KERNEL_SS, FLAT_USER_SS.</summary>
    public const ushort Stack = 0xe02b;

    /// <summary>FLAT_RING3_CS64, FLAT_KERNEL_CS, FLAT_USER_CS.</summary>
    public const ushort Code64 = 0xe033;
}

/// <summary>Xen's own addresses in a 64-bit guest: xen/include/public/arch-x86/xen-x86_64.h.</summary>
public static class HypervisorRange
{
    /// <summary>HYPERVISOR_VIRT_START; the machine-to-phys table begins here.</summary>
    public const ulong Start = 0xffff_8000_0000_0000;

    /// <summary>HYPERVISOR_VIRT_END.</summary>
    public const ulong End = 0xffff_8800_0000_0000;

    public static bool Contains(ulong address) => address is >= Start and < End;
}
