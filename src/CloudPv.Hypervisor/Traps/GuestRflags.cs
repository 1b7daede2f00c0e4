namespace CloudPv.Hypervisor;

/// <summary>RFLAGS bits (SDM vol. 1, 3.4.3), and which of them a PV guest decides by itself.</summary>
internal static class GuestRflags
{
    public const ulong Reserved = 1 << 1;
    public const ulong Trap = 1 << 8;
    public const ulong Interrupt = 1 << 9;
    public const ulong Direction = 1 << 10;
    public const ulong Iopl = 3 << 12;
    public const ulong NestedTask = 1 << 14;
    public const ulong Resume = 1 << 16;
    public const ulong Virtual8086 = 1 << 17;
    public const ulong AlignmentCheck = 1 << 18;

    /// <summary>CF, PF, AF, ZF, SF, TF, DF, OF, NT, RF, AC, ID.</summary>
    public const ulong Writable = 0x0025_4dd5;

    /// <summary>What guest code runs with: its own flags, IF set and IOPL 0 as CPL 3 has it.</summary>
    public static ulong Sanitise(ulong rflags) => (rflags & Writable) | Interrupt | Reserved;
}
