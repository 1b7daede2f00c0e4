using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>How the linear addresses of a 64-bit PV guest are divided: xen/include/public/arch-x86/xen-x86_64.h.</summary>
internal static class GuestAddressSpace
{
    /// <summary>The level-4 slots of <see cref="HypervisorRange"/>.</summary>
    public const int FirstXenSlot = 256, XenSlots = 16;

    /// <summary>MACH2PHYS_VIRT_START and _END.</summary>
    public const ulong MachineToPhysStart = HypervisorRange.Start;
    public const ulong MachineToPhysEnd = 0xffff_8040_0000_0000;

    /// <summary>Whether an address is canonical and not Xen's (__addr_ok).</summary>
    public static bool IsGuest(ulong address) => address < 0x0000_8000_0000_0000 || address >= HypervisorRange.End;

    public static bool IsGuestSlot(int level4Slot) => (uint)(level4Slot - FirstXenSlot) >= XenSlots;
}
