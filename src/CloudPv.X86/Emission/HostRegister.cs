namespace CloudPv.X86;

/// <summary>
/// Where guest registers live while translated code runs. All but four stay in the host register of the same number; the host's own RSP is the host's stack, so
/// guest RSP lives in R9, and guest R9, R10 and R11 live on the host's stack, where hosts that rename memory do so.
/// </summary>
internal static class HostRegister
{
    public const int None = -1;
    public const int Rax = 0;
    public const int Rcx = 1;
    public const int Rdx = 2;
    public const int Rbx = 3;
    public const int Rsp = 4;
    public const int Rbp = 5;
    public const int Rsi = 6;
    public const int Rdi = 7;

    /// <summary>Guest RSP.</summary>
    public const int GuestRsp = 9;

    /// <summary>Scratch: a linear address, then the offset in its page (or a host address).</summary>
    public const int T0 = 10;

    /// <summary>Scratch: a TLB index, then the page's host address.</summary>
    public const int T1 = 11;

    public const int FirstSpilled = 9;
    public const int SpilledCount = 3;

    public static bool IsSpilled(int guest) => guest is >= FirstSpilled and < FirstSpilled + SpilledCount;

    /// <summary>Where a spilled register is, in bytes from the host's RSP as translated code has it.</summary>
    public static int SpillPlace(int guest) => (guest - FirstSpilled) * 8;

    /// <summary>The host register of a guest register that is not spilled.</summary>
    public static int Of(int guest) => guest == Rsp ? GuestRsp : guest;
}
