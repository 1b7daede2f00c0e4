namespace CloudPv.X86;

/// <summary>The bits of RFLAGS (SDM vol. 1, 3.4.3), and the status flags of an addition or subtraction.</summary>
internal static class Rflags
{
    public const ulong Carry = 1 << 0;
    public const ulong AlwaysSet = 1 << 1;
    public const ulong Parity = 1 << 2;
    public const ulong Adjust = 1 << 4;
    public const ulong Zero = 1 << 6;
    public const ulong Sign = 1 << 7;
    public const ulong Trap = 1 << 8;
    public const ulong Interrupt = 1 << 9;
    public const ulong Direction = 1 << 10;
    public const ulong Overflow = 1 << 11;
    public const ulong NestedTask = 1 << 14;
    public const ulong Resume = 1 << 16;
    public const ulong AlignmentCheck = 1 << 18;
    public const ulong Identification = 1 << 21;

    public const ulong Status = Carry | Parity | Adjust | Zero | Sign | Overflow;

    /// <summary>What POPF and IRET may change at CPL 3 with IOPL 0.</summary>
    public const ulong ChangeableByUser = Status | Trap | Direction | NestedTask | AlignmentCheck | Identification;

    public static ulong Mask(int size) => ulong.MaxValue >> (64 - (8 * size));

    /// <summary>a + b + carry (0 or 1) of <paramref name="size"/> bytes, with the status flags that it gives.</summary>
    public static ulong Add(ulong a, ulong b, ulong carry, int size, out ulong status)
    {
        var result = (a + b + carry) & Mask(size);
        var carries = (a & b) | ((a | b) & ~result);
        status = OfCarries(carries, (a ^ result) & (b ^ result), size) | ((a ^ b ^ result) & Adjust) | OfResult(result, size);
        return result;
    }

    /// <summary>a - b - borrow (0 or 1) of <paramref name="size"/> bytes, with the status flags that it gives.</summary>
    public static ulong Subtract(ulong a, ulong b, ulong borrow, int size, out ulong status)
    {
        var result = (a - b - borrow) & Mask(size);
        var borrows = (~a & b) | ((~a | b) & result);
        status = OfCarries(borrows, (a ^ b) & (a ^ result), size) | ((a ^ b ^ result) & Adjust) | OfResult(result, size);
        return result;
    }

    /// <summary>SF, ZF and PF of a result; the other status flags 0, as the logical instructions leave them.</summary>
    public static ulong OfResult(ulong result, int size)
    {
        var status = (result >> ((8 * size) - 1)) << 7;
        if (result == 0)
            status |= Zero;
        if ((ulong.PopCount(result & 0xff) & 1) == 0)
            status |= Parity;
        return status;
    }

    private static ulong OfCarries(ulong carries, ulong overflow, int size)
    {
        var sign = (8 * size) - 1;
        return ((carries >> sign) & 1) | (((overflow >> sign) & 1) << 11);
    }
}
