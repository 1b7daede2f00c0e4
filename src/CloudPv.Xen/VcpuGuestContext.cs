using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>struct vcpu_guest_context of a 64-bit guest: xen/include/public/arch-x86/xen.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 5168)]
public struct VcpuGuestContext
{
    /// <summary>VGCF_i387_valid.</summary>
    public const ulong I387Valid = 1 << 0;

    /// <summary>VGCF_in_kernel.</summary>
    public const ulong InKernel = 1 << 2;

    /// <summary>VGCF_failsafe_disables_events.</summary>
    public const ulong FailsafeDisablesEvents = 1 << 3;

    /// <summary>VGCF_syscall_disables_events.</summary>
    public const ulong SyscallDisablesEvents = 1 << 4;

    /// <summary>VGCF_online.</summary>
    public const ulong Online = 1 << 5;

    [FieldOffset(0)] public FpuContext FpuCtxt;
    [FieldOffset(512)] public ulong Flags;
    [FieldOffset(520)] public CpuUserRegs UserRegs;
    [FieldOffset(720)] public TrapInfoTable TrapCtxt;
    [FieldOffset(4816)] public ulong LdtBase;
    [FieldOffset(4824)] public ulong LdtEnts;
    [FieldOffset(4832)] public GdtFrames GdtFrames;
    [FieldOffset(4960)] public ulong GdtEnts;
    [FieldOffset(4968)] public ulong KernelSs;
    [FieldOffset(4976)] public ulong KernelSp;

    /// <summary>CR0..CR7; the user page table of a 64-bit guest is in [1], the kernel's in [3], both as CR3 values.</summary>
    [FieldOffset(4984)] public EightRegisters Ctrlreg;
    [FieldOffset(5048)] public EightRegisters Debugreg;
    [FieldOffset(5112)] public ulong EventCallbackEip;
    [FieldOffset(5120)] public ulong FailsafeCallbackEip;
    [FieldOffset(5128)] public ulong SyscallCallbackEip;
    [FieldOffset(5136)] public ulong VmAssist;
    [FieldOffset(5144)] public ulong FsBase;
    [FieldOffset(5152)] public ulong GsBaseKernel;
    [FieldOffset(5160)] public ulong GsBaseUser;
}

/// <summary>struct cpu_user_regs of a 64-bit guest: xen/include/public/arch-x86/xen-x86_64.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 200)]
public struct CpuUserRegs
{
    [FieldOffset(0)] public ulong R15;
    [FieldOffset(8)] public ulong R14;
    [FieldOffset(16)] public ulong R13;
    [FieldOffset(24)] public ulong R12;
    [FieldOffset(32)] public ulong Rbp;
    [FieldOffset(40)] public ulong Rbx;
    [FieldOffset(48)] public ulong R11;
    [FieldOffset(56)] public ulong R10;
    [FieldOffset(64)] public ulong R9;
    [FieldOffset(72)] public ulong R8;
    [FieldOffset(80)] public ulong Rax;
    [FieldOffset(88)] public ulong Rcx;
    [FieldOffset(96)] public ulong Rdx;
    [FieldOffset(104)] public ulong Rsi;
    [FieldOffset(112)] public ulong Rdi;
    [FieldOffset(120)] public uint ErrorCode;
    [FieldOffset(124)] public uint EntryVector;
    [FieldOffset(128)] public ulong Rip;
    [FieldOffset(136)] public ushort Cs;
    [FieldOffset(140)] public byte SavedUpcallMask;
    [FieldOffset(144)] public ulong Rflags;
    [FieldOffset(152)] public ulong Rsp;
    [FieldOffset(160)] public ushort Ss;
    [FieldOffset(168)] public ushort Es;
    [FieldOffset(176)] public ushort Ds;
    [FieldOffset(184)] public ushort Fs;
    [FieldOffset(192)] public ushort Gs;
}

/// <summary>struct trap_info: xen/include/public/arch-x86/xen.h. One vector's handler.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct TrapInfo
{
    [FieldOffset(0)] public byte Vector;

    /// <summary>Bits 0-1: who may raise it by INT n (0 nobody, 1-2 the kernel, 3 everyone); bit 2: masks upcalls.</summary>
    [FieldOffset(1)] public byte Flags;
    [FieldOffset(2)] public ushort Cs;

    /// <summary>0: no handler; ends the list of a set_trap_table.</summary>
    [FieldOffset(8)] public ulong Address;

    /// <summary>TI_GET_DPL.</summary>
    public readonly int Dpl => Flags & 3;

    /// <summary>TI_GET_IF.</summary>
    public readonly bool MasksUpcalls => (Flags & 4) != 0;
}

/// <summary>struct iret_context: xen/include/public/arch-x86/xen-x86_64.h. What HYPERVISOR_iret pops.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
public struct IretContext
{
    /// <summary>VGCF_in_syscall: return as SYSRET does, RCX and R11 not restored.</summary>
    public const ulong InSyscall = 1 << 8;

    [FieldOffset(0)] public ulong Rax;
    [FieldOffset(8)] public ulong R11;
    [FieldOffset(16)] public ulong Rcx;
    [FieldOffset(24)] public ulong Flags;
    [FieldOffset(32)] public ulong Rip;
    [FieldOffset(40)] public ulong Cs;
    [FieldOffset(48)] public ulong Rflags;
    [FieldOffset(56)] public ulong Rsp;
    [FieldOffset(64)] public ulong Ss;
}

/// <summary>An FXSAVE image: vcpu_guest_context.fpu_ctxt.</summary>
[InlineArray(512)]
public struct FpuContext
{
    private byte _first;
}

/// <summary>vcpu_guest_context.trap_ctxt: a handler per vector.</summary>
[InlineArray(256)]
public struct TrapInfoTable
{
    private TrapInfo _first;
}

/// <summary>vcpu_guest_context.gdt_frames.</summary>
[InlineArray(16)]
public struct GdtFrames
{
    private ulong _first;
}

/// <summary>vcpu_guest_context.ctrlreg and .debugreg.</summary>
[InlineArray(8)]
public struct EightRegisters
{
    private ulong _first;
}
