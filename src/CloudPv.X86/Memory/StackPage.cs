using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// The entry of the soft TLB's write half that accesses through RSP used last, at a fixed place: they find it without computing an index. Set by machine code (<see cref="Stubs.FindStackPage"/>).
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct StackPage
{
    public const int Size = 32;

    public const int TagOffset = 0;
    public const int PageOffset = 8;

    /// <summary>Where accesses of up to 8 bytes, and those of up to <see cref="WidestGroup"/>, may no longer begin in the page: 0 while there is none, which nothing is below.</summary>
    public const int LimitOffset = 16;
    public const int GroupLimitOffset = 24;

    public const int Limit = MachineMemory.FrameSize - 8 + 1;
    public const int WidestGroup = 64;
    public const int GroupLimit = MachineMemory.FrameSize - WidestGroup + 1;

    [FieldOffset(TagOffset)] private readonly ulong _tag;
    [FieldOffset(PageOffset)] private readonly byte* _page;
    [FieldOffset(LimitOffset)] private ulong _limit;
    [FieldOffset(GroupLimitOffset)] private ulong _groupLimit;

    /// <summary>Takes the host page out if it is the one.</summary>
    public void ForgetPage(byte* page)
    {
        if (_page == page)
            Forget();
    }

    /// <summary>Takes a linear page out if it is the one.</summary>
    public void ForgetAddress(ulong address)
    {
        if (_tag == 0 - (address & ~0xffful))
            Forget();
    }

    public void Forget()
    {
        _limit = 0;
        _groupLimit = 0;
    }
}
