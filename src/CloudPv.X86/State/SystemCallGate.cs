using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// What a paravirtual kernel's system calls, and its returns by HYPERVISOR_iret, need so that they stay in translated code. While <see cref="Open"/> is 0 each is an exit of
/// <see cref="Cpu.Run"/>, and so is each that shows anything unusual: single steps, masked upcalls in user mode, a waiting event, selectors not known to be good.
/// To be touched as <see cref="Cpu.State"/> is, but for what says otherwise.
/// </summary>
[StructLayout(LayoutKind.Explicit)]
public unsafe struct SystemCallGate
{
    /// <summary>Not 0: the gate is used. Any thread may set it to 0.</summary>
    [FieldOffset(OpenOffset)] public uint Open;

    /// <summary>CS, and SS &lt;&lt; 16, with which a return to user mode needs no further look; 0: none. Any thread may set it to 0.</summary>
    [FieldOffset(UserSelectorsOffset)] public uint UserSelectors;

    /// <summary>Where the kernel takes system calls.</summary>
    [FieldOffset(HandlerOffset)] public ulong Handler;

    /// <summary>The stack that the kernel is entered on from user mode.</summary>
    [FieldOffset(KernelStackOffset)] public ulong KernelStack;

    /// <summary>The GS base of the mode that isn't running.</summary>
    [FieldOffset(OtherGsBaseOffset)] public ulong OtherGsBase;

    /// <summary>Host address of evtchn_upcall_pending, behind which stands evtchn_upcall_mask (struct vcpu_info).</summary>
    [FieldOffset(UpcallFlagsOffset)] public byte* UpcallFlags;

    /// <summary>What evtchn_upcall_mask becomes at a system call: 0 or 1.</summary>
    [FieldOffset(EntryMaskOffset)] public ulong EntryMask;

    /// <summary>System calls that took this way.</summary>
    [FieldOffset(SystemCallsOffset)] public ulong SystemCalls;

    /// <summary>Returns that took this way.</summary>
    [FieldOffset(ReturnsOffset)] public ulong Returns;

    internal const int OpenOffset = 0;
    internal const int UserSelectorsOffset = 4;
    internal const int HandlerOffset = 8;
    internal const int KernelStackOffset = 16;
    internal const int OtherGsBaseOffset = 24;
    internal const int UpcallFlagsOffset = 32;
    internal const int EntryMaskOffset = 40;
    internal const int SystemCallsOffset = 48;
    internal const int ReturnsOffset = 56;
}
