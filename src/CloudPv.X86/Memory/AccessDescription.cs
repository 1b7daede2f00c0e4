namespace CloudPv.X86;

/// <summary>
/// What the slow path of a memory access must know, packed in 64 bits so that emitted code can pass it as one constant: the guest instruction's address in the
/// lower 48, and above it the size and properties.
/// </summary>
internal readonly record struct AccessDescription(ulong Bits)
{
    /// <summary>The largest access: XSAVE.</summary>
    public const int LargestSize = 832;

    private const int SizeShift = 48;
    private const ulong SizeMask = 0x3ff;
    private const ulong WriteBit = 1ul << WriteBitNumber;
    private const ulong GroupBit = 1ul << 59;
    private const ulong LockedBit = 1ul << 60;
    private const ulong StackBit = 1ul << 61;
    private const ulong TextBit = 1ul << 62;
    private const ulong WindowBit = 1ul << 63;

    /// <summary>The number of the bit that says write, for machine code that turns one description into another.</summary>
    public const int WriteBitNumber = 58;

    public AccessDescription(ulong rip, int size, bool write, bool group = false, bool locked = false, bool stack = false, bool text = false, bool window = false)
        : this((rip & 0xffff_ffff_ffff) | ((ulong)size << SizeShift) | (write ? WriteBit : 0) | (group ? GroupBit : 0) | (locked ? LockedBit : 0) | (stack ? StackBit : 0)
            | (text ? TextBit : 0) | (window ? WindowBit : 0))
    {
    }

    /// <summary>The same access by an instruction elsewhere.</summary>
    public AccessDescription At(ulong rip) => new((Bits & ~0xffff_ffff_fffful) | (rip & 0xffff_ffff_ffff));

    public ulong Rip => (ulong)((long)(Bits << 16) >> 16);

    public int Size => (int)((Bits >> SizeShift) & SizeMask);

    public bool Write => (Bits & WriteBit) != 0;

    /// <summary>Several accesses at once: where they can't be had together, they are tried one by one.</summary>
    public bool Group => (Bits & GroupBit) != 0;

    /// <summary>A locked read-modify-write: it can't be carried out elsewhere and copied back.</summary>
    public bool Locked => (Bits & LockedBit) != 0;

    /// <summary>By a stub for repeated string instructions, which goes on only through the soft TLB.</summary>
    public bool Text => (Bits & TextBit) != 0;

    /// <summary>By code that finds it in a window, once it is mapped there.</summary>
    public bool Window => (Bits & WindowBit) != 0;

    public AccessDescription InWindow => new(Bits | WindowBit);

    /// <summary>Through SS: a non-canonical address gives #SS.</summary>
    public bool Stack => (Bits & StackBit) != 0;
}
