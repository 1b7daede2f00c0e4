namespace CloudPv.Hypervisor;

/// <summary>How the linear addresses of a 64-bit PV guest are divided: xen/include/public/arch-x86/xen-x86_64.h.</summary>
internal static class GuestAddressSpace
{
    /// <summary>HYPERVISOR_VIRT_START and _END: level-4 slots 256 to 271 are Xen's.</summary>
    public const ulong HypervisorStart = 0xffff_8000_0000_0000;
    public const ulong HypervisorEnd = 0xffff_8800_0000_0000;
    public const int FirstXenSlot = 256, XenSlots = 16;

    /// <summary>MACH2PHYS_VIRT_START and _END.</summary>
    public const ulong MachineToPhysStart = HypervisorStart;
    public const ulong MachineToPhysEnd = 0xffff_8040_0000_0000;

    /// <summary>Whether an address is canonical and not Xen's (__addr_ok).</summary>
    public static bool IsGuest(ulong address) => address < 0x0000_8000_0000_0000 || address >= HypervisorEnd;

    public static bool IsGuestSlot(int level4Slot) => (uint)(level4Slot - FirstXenSlot) >= XenSlots;
}
