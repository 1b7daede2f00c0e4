using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// Entries into the guest's kernel: exceptions, upcalls and user system calls. Each pushes one frame on the kernel's stack (lowest first): rcx, r11, the error code
/// where there is one (the failsafe callback: ds, es, fs, gs), rip, cs with the upcall mask in its upper half, rflags, rsp, ss.
/// </summary>
internal static class TrapDelivery
{
    private const uint PageFaultUser = 1 << 2;

    /// <summary>Raises an exception with the handler of the guest's trap table. <paramref name="errorCode"/> counts only where the vector has one.</summary>
    public static void InjectException(Vcpu vcpu, byte vector, uint errorCode = 0)
    {
        ref readonly TrapInfo handler = ref vcpu.Traps[vector];
        if (handler.Address == 0)
        {
            vcpu.Domain.Crash(vcpu, $"unhandled exception {vector}, error code {errorCode:x4}");
            return;
        }
        ReadOnlySpan<ulong> code = ExceptionVector.HasErrorCode(vector) ? [errorCode] : [];
        Enter(vcpu, handler.Address, handler.MasksUpcalls, code);
    }

    /// <summary>Raises #PF: the address goes to CR2 and vcpu_info, and the user bit tells the guest's two modes apart, which both run at CPL 3.</summary>
    public static void InjectPageFault(Vcpu vcpu, ulong address, uint errorCode)
    {
        vcpu.Cr2 = address;
        Volatile.Write(ref vcpu.Info.Cr2, address);
        uint modeBit = vcpu.Cpu.Mode == CpuMode.User ? PageFaultUser : 0;
        InjectException(vcpu, ExceptionVector.PageFault, (errorCode & ~PageFaultUser) | modeBit);
    }

    /// <summary>Ends an instruction that was carried out for the guest, and stepped over, as the CPU ends its own: RF is clear, and with TF set #DB follows.</summary>
    public static void EndInstruction(Vcpu vcpu)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        state.Rflags &= ~GuestRflags.Resume;
        if ((state.Rflags & GuestRflags.Trap) == 0)
            return;
        vcpu.Debug.Raise(DebugRegisters.SingleStep);
        InjectException(vcpu, ExceptionVector.Debug);
    }

    /// <summary>INT n: the gate's own handler, never with an error code. The caller has checked the gate's privilege.</summary>
    public static void InjectSoftwareInterrupt(Vcpu vcpu, byte vector)
    {
        ref readonly TrapInfo handler = ref vcpu.Traps[vector];
        if (handler.Address == 0)
            vcpu.Domain.Crash(vcpu, $"unhandled interrupt {vector}");
        else
            Enter(vcpu, handler.Address, handler.MasksUpcalls, []);
    }

    /// <summary>Enters the guest's kernel at a callback: an upcall or a system call.</summary>
    public static void EnterCallback(Vcpu vcpu, in Callback callback)
    {
        if (callback.Address == 0)
            vcpu.Domain.Crash(vcpu, "no callback registered");
        else
            Enter(vcpu, callback.Address, callback.MasksUpcalls, []);
    }

    /// <summary>Tells the guest's kernel of data segments that can't be loaded.</summary>
    public static void EnterFailsafe(Vcpu vcpu, ReadOnlySpan<ulong> selectors) =>
        Enter(vcpu, vcpu.FailsafeCallback.Address, vcpu.FailsafeCallback.MasksUpcalls, selectors);

    /// <param name="detail">What stands between r11 and rip; at most 4 words.</param>
    private static void Enter(Vcpu vcpu, ulong handler, bool masksUpcalls, ReadOnlySpan<ulong> detail)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        bool fromUser = vcpu.Cpu.Mode == CpuMode.User;
        bool masked = vcpu.UpcallsMasked;

        ulong rflags = state.Rflags & ~(GuestRflags.Interrupt | GuestRflags.Iopl);
        if (!masked)
            rflags |= GuestRflags.Interrupt;
        if (vcpu.Domain.HasAssist(VmAssistType.ArchitecturalIopl))
            rflags |= (ulong)vcpu.Iopl << 12;
        // The kernel's own code runs at CPL 3 too; its frames show ring 0.
        ulong cs = fromUser ? state.Cs : state.Cs & ~3UL;
        if (masked)
            cs |= 1UL << 32;

        Span<ulong> frame = stackalloc ulong[7 + 4];
        int length = 0;
        frame[length++] = state.Rcx;
        frame[length++] = state.R11;
        foreach (ulong word in detail)
            frame[length++] = word;
        frame[length++] = state.Rip;
        frame[length++] = cs;
        frame[length++] = rflags;
        frame[length++] = state.Rsp;
        frame[length++] = state.Ss;
        frame = frame[..length];

        if (fromUser)
            vcpu.EnterKernelMode();
        ulong stack = (fromUser ? vcpu.KernelStack.Value : state.Rsp) & ~0xfUL;
        stack -= (ulong)length * sizeof(ulong);
        if (HypervisorRange.Contains(stack) || !vcpu.Cpu.TryWrite(stack, MemoryMarshal.AsBytes(frame), out _))
        {
            vcpu.Domain.Crash(vcpu, $"no room for a trap frame at {stack:x16}");
            return;
        }

        if (masksUpcalls)
            vcpu.UpcallsMasked = true;
        state.Rip = handler;
        state.Rsp = stack;
        state.Cs = FlatSelectors.Code64;
        state.Ss = FlatSelectors.Stack;
        vcpu.ReturnsToUncheckedSelectors = false;
        state.Rflags = GuestRflags.Sanitise(state.Rflags &
            ~(GuestRflags.AlignmentCheck | GuestRflags.Virtual8086 | GuestRflags.Resume | GuestRflags.NestedTask | GuestRflags.Trap));
        // As the SYSRET that Xen enters by leaves them.
        state.Rcx = state.Rip;
        state.R11 = state.Rflags;
    }
}
