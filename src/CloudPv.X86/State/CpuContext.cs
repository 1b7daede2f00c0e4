using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// What translated code sees through GS: the architectural state, scratch places, and (behind this structure, see <see cref="ContextLayout"/>) the soft TLB and
/// the jump cache of each mode. Offsets that machine code uses are the constants of <see cref="ContextLayout"/>.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = ContextLayout.Translations)]
internal unsafe struct CpuContext
{
    [FieldOffset(0)] public CpuState State;

    [FieldOffset(ContextLayout.Self)] public CpuContext* Self;
    [FieldOffset(ContextLayout.Owner)] public nint Owner;
    [FieldOffset(ContextLayout.Reason)] public LeaveReason Reason;
    [FieldOffset(ContextLayout.Argument)] public ulong Argument;
    [FieldOffset(ContextLayout.ArithmeticFlags)] public ulong ArithmeticFlags;
    [FieldOffset(ContextLayout.Direction)] public ulong Direction;
    [FieldOffset(ContextLayout.OtherFlags)] public ulong OtherFlags;
    [FieldOffset(ContextLayout.X87Ensure)] public void* X87Ensure;
    [FieldOffset(ContextLayout.X87Loaded)] public uint X87Loaded;
    [FieldOffset(ContextLayout.PageMask)] public ulong PageMask;
    [FieldOffset(ContextLayout.TlbMask)] public ulong TlbMask;
    [FieldOffset(ContextLayout.BitMask32)] public ulong BitMask32;
    [FieldOffset(ContextLayout.BitMask64)] public ulong BitMask64;
    [FieldOffset(ContextLayout.HostMxcsr)] public uint HostMxcsr;
    [FieldOffset(ContextLayout.Resolve)] public void* Resolve;
    [FieldOffset(ContextLayout.Commit)] public void* Commit;
    [FieldOffset(ContextLayout.CommitNeeded)] public ulong CommitNeeded;
    [FieldOffset(ContextLayout.Activity)] public int Activity;
    [FieldOffset(ContextLayout.StringRax)] public ulong StringRax;
    [FieldOffset(ContextLayout.StringRdx)] public ulong StringRdx;
    [FieldOffset(ContextLayout.StateMasked)] public uint StateMasked;
    [FieldOffset(ContextLayout.YmmMask)] public ulong YmmMask;
    [FieldOffset(ContextLayout.Interrupt)] public int Interrupt;
    [FieldOffset(ContextLayout.Bounce)] public byte Bounce;
    [FieldOffset(ContextLayout.Mode)] public CpuMode Mode;
    [FieldOffset(ContextLayout.WindowMask)] public ulong WindowMask;
    [FieldOffset(ContextLayout.Gate)] public SystemCallGate Gate;
}

/// <summary>Offsets in a CPU's context, in bytes from GS base.</summary>
internal static class ContextLayout
{
    // CpuState.
    public const int Registers = 0;
    public const int Rip = 128;
    public const int Selectors = 160;
    public const int FsBase = 144;
    public const int GsBase = 152;
    public const int Fx = 176;
    public const int Mxcsr = Fx + 24;
    public const int Xmm = Fx + 160;
    public const int Ymm = Fx + 512;
    public const int Xcr0 = Ymm + 256;
    public const int YmmInUse = Xcr0 + 8;

    public const int Self = 0x400;
    public const int Owner = 0x408;
    public const int HostStack = 0x410;
    public const int Entry = 0x418;
    public const int Reason = 0x420;
    public const int Argument = 0x428;

    /// <summary>AH and AL after LAHF and SETO AL.</summary>
    public const int ArithmeticFlags = 0x430;

    /// <summary>RFLAGS.DF of the guest; the host's own is always clear.</summary>
    public const int Direction = 0x438;

    /// <summary>The bits of the guest's RFLAGS that neither arithmetic nor CLD and STD change.</summary>
    public const int OtherFlags = 0x4e8;

    /// <summary>What C# does for this CPU: a <see cref="ProfileKind"/>, or <see cref="ProfileKind.Caller"/> plus what the caller said. Behind it, only kept while profiled,
    /// whether translated code runs or what it called: both are read as one word.</summary>
    public const int Activity = 0x4f0;

    public const int InCode = 0x4f4;

    public const int ScratchRcx = 0x440;
    public const int Scratch = 0x448;
    public const int X87Ensure = 0x450;
    public const int X87Loaded = 0x458;
    public const int PageMask = 0x460;
    public const int TlbMask = 0x470;
    public const int BitMask32 = 0x478;
    public const int BitMask64 = 0x480;

    /// <summary>The bit of the YMM registers' upper halves in XCR0.</summary>
    public const int YmmMask = 0x8d0;

    public const int HostMxcsr = 0x488;
    public const int Resolve = 0x490;
    public const int Commit = 0x498;
    public const int CommitNeeded = 0x4a0;

    /// <summary>Not 0: an instruction on extended state has put RAX and RDX aside in what the string stubs use, and its mask stands there.</summary>
    public const int StateMasked = 0x4f8;

    // What a string stub puts aside.
    public const int StringAccess = 0x4a8;
    public const int StringFlags = 0x4b0;
    public const int StringRax = 0x4b8;
    public const int StringRcx = 0x4c0;
    public const int StringRdx = 0x4c8;
    public const int StringRbx = 0x4d0;
    public const int StringRsi = 0x4d8;
    public const int StringRdi = 0x4e0;

    /// <summary>Not 0: leave for the run loop at the next check. On a cache line of its own, for other threads write it.</summary>
    public const int Interrupt = 0x500;

    /// <summary>Where an access that straddles two pages is carried out: <see cref="AccessDescription.LargestSize"/> bytes and the alignment of the address within 64.</summary>
    public const int Bounce = 0x540;

    /// <summary>The <see cref="CpuMode"/> that runs.</summary>
    public const int Mode = 0x8c0;

    /// <summary>The address bits that choose an entry of <see cref="Windows"/>.</summary>
    public const int WindowMask = 0x8c8;

    /// <summary>The <see cref="SystemCallGate"/>.</summary>
    public const int Gate = 0x900;

    private const int StackPages = 0x940;
    private const int SharedAddresses = 0x980;

    /// <summary>The <see cref="WindowSlots"/>.</summary>
    public const int WindowSlots = 0xa00;

    public const int ReturnEntries = 64;
    public const int LostJumpEntries = 8192;
    private const int EntrySize = 16;

    private const int Returns = 0xa40;

    /// <summary>The six tables of kernel mode; those of user mode follow.</summary>
    public const int Translations = 0x2000;

    public const int TlbEntries = 4096;
    public const int JumpCacheEntries = 1 << 16;

    private const int TableSize = TlbEntries * 8;
    private const int ModeSize = (4 * TableSize) + (JumpCacheEntries * 8) + (LostJumpEntries * EntrySize);

    /// <summary>By the bits 39 to 47 of a linear address, what is to be added to it where it may lie in a window.</summary>
    public const int Windows = Translations + (2 * ModeSize);

    public const int WindowEntries = 512;

    public const int Size = Windows + (WindowEntries * 8);

    /// <summary><see cref="Size"/> in whole huge pages.</summary>
    public const ulong MappedSize = (Size + HostSystem.HugePageSize - 1) & ~(HostSystem.HugePageSize - 1);

    public static int ReadTags(CpuMode mode) => Translations + ((int)mode * ModeSize);

    public static int WriteTags(CpuMode mode) => ReadTags(mode) + TableSize;

    public static int ReadPages(CpuMode mode) => ReadTags(mode) + (2 * TableSize);

    public static int WritePages(CpuMode mode) => ReadTags(mode) + (3 * TableSize);

    public static int JumpCache(CpuMode mode) => ReadTags(mode) + (4 * TableSize);

    /// <summary>Where translated code puts the host address aside that a check through this base register gave.</summary>
    public static int SharedAddress(int @base) => SharedAddresses + (@base * 8);

    /// <summary>The mode's <see cref="X86.StackPage"/>.</summary>
    public static int StackPage(CpuMode mode) => StackPages + ((int)mode * X86.StackPage.Size);

    /// <summary>The <see cref="EntryCache"/> of <see cref="LostJumpEntries"/>.</summary>
    public static int LostJumps(CpuMode mode) => JumpCache(mode) + (JumpCacheEntries * 8);

    /// <summary>The <see cref="EntryCache"/> of <see cref="ReturnEntries"/>.</summary>
    public static int ReturnCache(CpuMode mode) => Returns + ((int)mode * ReturnEntries * EntrySize);

    /// <summary>The place of the general register with this encoding.</summary>
    public static int Register(int number) => Registers + (number * 8);
}

/// <summary>Why translated code went back to the run loop. State.Rip is the guest's next instruction.</summary>
internal enum LeaveReason
{
    /// <summary>Go on at Rip.</summary>
    Dispatch,

    /// <summary>Go on at Rip; the argument is the place (offset in the code region) of a direct jump to patch.</summary>
    Link,

    /// <summary>As <see cref="Link"/>, but with the translation that checks every access for itself.</summary>
    LinkUngrouped,

    /// <summary>Go on at Rip; the lower half of the argument is the window that the access there is in: another than was expected.</summary>
    OtherWindow,

    /// <summary>As <see cref="Link"/>, but to another page, which may come to show another frame.</summary>
    LinkFar,

    /// <summary>Go on at Rip, which the jump cache lacks.</summary>
    JumpCacheMiss,

    /// <summary>Go on at Rip, which the return cache lacks.</summary>
    ReturnCacheMiss,

    /// <summary>The context's interrupt word was set.</summary>
    Interrupt,

    /// <summary>The instruction at Rip is one for <see cref="Emulator"/>.</summary>
    Emulate,

    /// <summary>#UD at Rip.</summary>
    InvalidOpcode,

    /// <summary>#NM at Rip.</summary>
    DeviceNotAvailable,

    Syscall,
    Cpuid,

    /// <summary>INT n; the argument is n.</summary>
    SoftwareInterrupt,

    /// <summary>A memory access was refused; the CPU has noted what is to come of it.</summary>
    AccessRefused,

    /// <summary>A host signal in translated code: the argument is the exception's vector, Rip the host address.</summary>
    Trap,

    /// <summary>A translation of one single instruction has done it.</summary>
    Stepped,
}
