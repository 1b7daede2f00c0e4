namespace CloudPv.X86;

/// <summary>
/// SYSCALL of a paravirtual guest in machine code, through the <see cref="SystemCallGate"/>: from user mode into the kernel with the frame that Xen's create_bounce_frame
/// makes, and back by HYPERVISOR_iret (struct iret_context: xen/include/public/arch-x86/xen-x86_64.h). Entered with T0 = the instruction behind SYSCALL; what can't be done here
/// leaves as <see cref="LeaveReason.Syscall"/> with nothing changed. And IRETQ, with which Linux synchronises its instruction stream a hundred thousand times while it boots.
/// </summary>
internal sealed unsafe class SystemCallStubs
{
    private const int Equal = 4;
    private const int NotEqual = 5;

    private const int IretNumber = 23;

    /// <summary>rcx, r11, rip, cs, rflags, rsp, ss.</summary>
    private const int FrameSize = 7 * 8;

    /// <summary>rax, r11, rcx, flags, rip, cs, rflags, rsp, ss.</summary>
    private const int IretContextSize = 9 * 8;

    /// <summary>rip, cs, rflags, rsp, ss.</summary>
    private const int InterruptFrameSize = 5 * 8;

    private const ulong Iopl = 3 << 12;

    /// <summary>FLAT_KERNEL_CS and FLAT_KERNEL_SS, which Xen reports of user code too, for SYSCALL keeps none.</summary>
    private const int FlatCode = 0xe033;
    private const int FlatStack = 0xe02b;
    private const int FlatSelectors = FlatCode | (FlatStack << 16);

    /// <summary>The same as frames show kernel code: as of ring 0.</summary>
    private const int KernelFrameSelectors = FlatSelectors & ~3;

    private readonly HostAssembler _code;
    private readonly Stubs _stubs;
    private readonly nint[] _interruptReturns;

    public SystemCallStubs(HostAssembler code, Stubs stubs)
    {
        _code = code;
        _stubs = stubs;
        SystemCall = EmitSystemCall();
        Hypercall = EmitHypercall();
        _interruptReturns = [(nint)EmitInterruptReturn(CpuMode.Kernel), (nint)EmitInterruptReturn(CpuMode.User)];
    }

    /// <summary>SYSCALL in user mode.</summary>
    public byte* SystemCall { get; }

    /// <summary>SYSCALL in kernel mode.</summary>
    public byte* Hypercall { get; }

    /// <summary>IRETQ to where CS and SS are the same, entered with T0 = its own address; all else leaves as <see cref="LeaveReason.Emulate"/>.</summary>
    public byte* InterruptReturn(CpuMode mode) => (byte*)_interruptReturns[(int)mode];

    private static int Gate(int offset) => ContextLayout.Gate + offset;

    private byte* EmitSystemCall()
    {
        var start = EmitBegin();
        var closed = EmitGateCheck();
        _code.Load(HostRegister.T1, Gate(SystemCallGate.UpcallFlagsOffset));
        _code.Bytes([0x41, 0x80, 0x7b, 0x01, 0x00]); // cmp byte [r11+1], 0: upcalls masked
        var masked = _code.JumpIfForward(NotEqual);

        // RDX = RFLAGS, RAX = the new stack pointer.
        _code.Bytes([0x0f, 0xb6, 0xd4]); // movzx edx, ah
        _code.Bytes([0x0f, 0xb6, 0xc0]); // movzx eax, al
        _code.Bytes([0xc1, 0xe0, 11]); // shl eax, 11: OF
        _code.Bytes([0x09, 0xc2]); // or edx, eax
        _code.Context(0x0b, HostRegister.Rdx, ContextLayout.Direction, wide: true); // or rdx, direction
        _code.Bytes([0x81, 0xca]); // or edx, IF
        _code.Int32((int)Rflags.Interrupt);
        _code.Load(HostRegister.Rax, Gate(SystemCallGate.KernelStackOffset));
        _code.Bytes([0x48, 0x83, 0xe0, 0xf0]); // and rax, -16
        _code.Lea(HostRegister.Rax, HostRegister.Rax, -FrameSize);

        var noStack = EmitLookup(HostRegister.Rax, ContextLayout.WriteTags(CpuMode.Kernel), ContextLayout.WritePages(CpuMode.Kernel), FrameSize);

        // RCX and R11 as SYSCALL leaves them.
        _code.Load(HostRegister.T1, ContextLayout.Rip);
        StoreFrame(HostRegister.T1, 0);
        StoreFrame(HostRegister.Rdx, 1);
        StoreFrame(HostRegister.T1, 2);
        StoreFrameConstant(FlatCode, 3);
        StoreFrame(HostRegister.Rdx, 4);
        StoreFrame(HostRegister.GuestRsp, 5);
        StoreFrameConstant(FlatStack, 6);

        _code.Move(HostRegister.GuestRsp, HostRegister.Rax);
        _code.Load(HostRegister.T1, Gate(SystemCallGate.UpcallFlagsOffset));
        _code.Load(HostRegister.Rax, Gate(SystemCallGate.EntryMaskOffset));
        _code.Bytes([0x41, 0x88, 0x43, 0x01]); // mov [r11+1], al
        EmitSwitchTo(CpuMode.Kernel);
        _code.StoreImmediate32(ContextLayout.Selectors, FlatSelectors);

        // As the SYSRET that Xen enters by leaves them; the PV ABI clears DF.
        _code.StoreImmediate64(ContextLayout.Direction, 0);
        _code.Bytes([0x81, 0xe2]); // and edx, ~DF
        _code.Int32(~(int)Rflags.Direction);
        _code.StoreSpilled(HostRegister.Rdx, 11);
        _code.Load(HostRegister.Rcx, Gate(SystemCallGate.HandlerOffset));
        _code.Move(HostRegister.T0, HostRegister.Rcx);
        Count(SystemCallGate.SystemCallsOffset);
        EmitGoTo(CpuMode.Kernel);

        EmitExit(LeaveReason.Syscall, closed, masked, noStack);
        return start;
    }

    private byte* EmitHypercall()
    {
        var start = EmitBegin();
        _code.Bytes([0x65, 0x48, 0x83]); // cmp qword gs:[rax], 23
        _code.ContextOperand(7, ContextLayout.StringRax);
        _code.Byte(IretNumber);
        var other = _code.JumpIfForward(NotEqual);
        var closed = EmitGateCheck();
        var noStack = EmitLookup(HostRegister.GuestRsp, ContextLayout.ReadTags(CpuMode.Kernel), ContextLayout.ReadPages(CpuMode.Kernel), IretContextSize);
        _code.Load(HostRegister.T1, Gate(SystemCallGate.UpcallFlagsOffset));
        _code.Bytes([0x41, 0x80, 0x3b, 0x00]); // cmp byte [r11], 0: an event waits
        var waiting = _code.JumpIfForward(NotEqual);
        _code.Bytes([0x41, 0xf7, 0x42, 24]); // test dword [r10+24], VGCF_in_syscall
        _code.Int32(1 << 8);
        var asSysret = _code.JumpIfForward(NotEqual);

        // RFLAGS: what isn't arithmetic or DF must be IF alone.
        LoadFrame(HostRegister.Rdx, 6);
        _code.Move(HostRegister.Rax, HostRegister.Rdx);
        _code.Bytes([0x48, 0x25]); // and rax, imm32
        _code.Int32(~(int)(Rflags.Status | Rflags.Direction | Rflags.AlwaysSet));
        _code.Bytes([0x48, 0x3d]); // cmp rax, IF
        _code.Int32((int)Rflags.Interrupt);
        var unusualFlags = _code.JumpIfForward(NotEqual);

        // EAX = CS and SS of the frame: the kernel's own, or user selectors that are known.
        _code.Bytes([0x41, 0x0f, 0xb7, 0x42, 64]); // movzx eax, word [r10+64]
        _code.Bytes([0xc1, 0xe0, 16]); // shl eax, 16
        _code.Bytes([0x66, 0x41, 0x8b, 0x42, 40]); // mov ax, [r10+40]
        _code.Byte(0x3d); // cmp eax, imm32
        _code.Int32(KernelFrameSelectors);
        var toKernel = _code.JumpIfForward(Equal);
        _code.Context(0x3b, HostRegister.Rax, Gate(SystemCallGate.UserSelectorsOffset), wide: false); // cmp eax, selectors
        var unknownSelectors = _code.JumpIfForward(NotEqual);

        _code.Context(HostAssembler.MoveStore, HostRegister.Rax, ContextLayout.Selectors, wide: false);
        _code.Bytes([0x41, 0xc6, 0x43, 0x01, 0x00]); // mov byte [r11+1], 0
        EmitSwitchTo(CpuMode.User);
        EmitLoadIretContext();
        EmitGoTo(CpuMode.User);

        _code.PatchToHere(toKernel);
        _code.StoreImmediate32(ContextLayout.Selectors, FlatSelectors);
        _code.Bytes([0x41, 0xc6, 0x43, 0x01, 0x00]); // mov byte [r11+1], 0
        EmitLoadIretContext();
        EmitGoTo(CpuMode.Kernel);

        EmitExit(LeaveReason.Syscall, closed, other, noStack, waiting, asSysret, unusualFlags, unknownSelectors);
        return start;
    }

    private byte* EmitInterruptReturn(CpuMode mode)
    {
        const ulong Ignored = Rflags.Interrupt | Iopl;
        var start = EmitBegin();
        var unusual = EmitUnusualCheck();
        var noStack = EmitLookup(HostRegister.GuestRsp, ContextLayout.ReadTags(mode), ContextLayout.ReadPages(mode), InterruptFrameSize);
        LoadFrame(HostRegister.Rdx, 2);
        _code.Move(HostRegister.Rax, HostRegister.Rdx);
        _code.Bytes([0x48, 0x25]); // and rax, imm32
        _code.Int32(~(int)(Rflags.Status | Rflags.Direction | Rflags.AlwaysSet | Ignored));
        var unusualFlags = _code.JumpIfForward(NotEqual);
        LoadFrame(HostRegister.Rax, 0);
        _code.Bytes([0x48, 0xc1, 0xe0, 16]); // shl rax, 16
        _code.Bytes([0x48, 0xc1, 0xf8, 16]); // sar rax, 16
        _code.Bytes([0x49, 0x3b, 0x02]); // cmp rax, [r10]
        var notCanonical = _code.JumpIfForward(NotEqual);
        _code.Bytes([0x41, 0x0f, 0xb7, 0x42, 32]); // movzx eax, word [r10+32]
        _code.Bytes([0xc1, 0xe0, 16]); // shl eax, 16
        _code.Bytes([0x66, 0x41, 0x8b, 0x42, 8]); // mov ax, [r10+8]
        _code.Context(0x3b, HostRegister.Rax, ContextLayout.Selectors, wide: false); // cmp eax, selectors
        var otherSelectors = _code.JumpIfForward(NotEqual);
        EmitLoadFlags();
        LoadFrame(HostRegister.GuestRsp, 3);
        LoadFrame(HostRegister.T0, 0);
        EmitGoTo(mode);
        EmitExit(LeaveReason.Emulate, unusual, noStack, unusualFlags, notCanonical, otherSelectors);
        return start;
    }

    /// <summary>Puts RIP, RAX, RDX and the flags aside, so that flags are free. AH and AL hold the arithmetic ones.</summary>
    private byte* EmitBegin()
    {
        var start = _code.Cursor;
        _code.Store(HostRegister.T0, ContextLayout.Rip);
        _code.Store(HostRegister.Rax, ContextLayout.StringRax);
        _code.Store(HostRegister.Rdx, ContextLayout.StringRdx);
        _code.SaveFlagsInAx();
        _code.Store(HostRegister.Rax, ContextLayout.ArithmeticFlags);
        return start;
    }

    /// <summary>Where to go if the gate is closed, an interrupt waits, or there are flags such as TF.</summary>
    private byte*[] EmitGateCheck()
    {
        _code.CompareContextZero(Gate(SystemCallGate.OpenOffset));
        var closed = _code.JumpIfForward(Equal);
        var unusual = EmitUnusualCheck();
        return [closed, unusual[0], unusual[1]];
    }

    /// <summary>Where to go if an interrupt waits, or there are flags such as TF.</summary>
    private byte*[] EmitUnusualCheck()
    {
        _code.CompareContextZero(ContextLayout.Interrupt);
        var interrupted = _code.JumpIfForward(NotEqual);
        _code.Context(0x81, 7, ContextLayout.OtherFlags, wide: true); // cmp qword gs:[other flags], IF
        _code.Int32((int)Rflags.Interrupt);
        return [interrupted, _code.JumpIfForward(NotEqual)];
    }

    /// <summary>T0 = the host address of what stands at a kernel address, or off where the soft TLB lacks it.</summary>
    private byte* EmitLookup(int address, int tags, int pages, int size)
    {
        var missing = SoftTlb.EmitLookup(_code, address, tags, size);
        _code.ContextTable(0x03, HostRegister.T0, pages); // add
        return missing;
    }

    private void EmitSwitchTo(CpuMode mode)
    {
        _code.StoreImmediate32(ContextLayout.Mode, (int)mode);
        _code.Load(HostRegister.Rax, ContextLayout.GsBase);
        _code.Load(HostRegister.T1, Gate(SystemCallGate.OtherGsBaseOffset));
        _code.Store(HostRegister.Rax, Gate(SystemCallGate.OtherGsBaseOffset));
        _code.Store(HostRegister.T1, ContextLayout.GsBase);
    }

    /// <summary>With T0 at the frame and RDX = its RFLAGS: all registers are as it has them, T0 = RIP.</summary>
    private void EmitLoadIretContext()
    {
        EmitLoadFlags();
        LoadFrame(HostRegister.Rax, 0);
        _code.Store(HostRegister.Rax, ContextLayout.StringRax);
        LoadFrame(HostRegister.Rax, 1);
        _code.StoreSpilled(HostRegister.Rax, 11);
        LoadFrame(HostRegister.Rcx, 2);
        LoadFrame(HostRegister.GuestRsp, 7);
        LoadFrame(HostRegister.T0, 4);
        Count(SystemCallGate.ReturnsOffset);
    }

    /// <summary>The arithmetic flags and DF become those of RDX. Changes RAX.</summary>
    private void EmitLoadFlags()
    {
        _code.Bytes([0x89, 0xd0]); // mov eax, edx
        _code.Bytes([0xc1, 0xe0, 8]); // shl eax, 8: AH
        _code.Bytes([0x0f, 0xba, 0xe2, 11]); // bt edx, 11: OF
        _code.Bytes([0x0f, 0x92, 0xc0]); // setc al
        _code.Store(HostRegister.Rax, ContextLayout.ArithmeticFlags);
        _code.Bytes([0x81, 0xe2]); // and edx, DF
        _code.Int32((int)Rflags.Direction);
        _code.Store(HostRegister.Rdx, ContextLayout.Direction);
    }

    private void EmitRestore()
    {
        _code.Load(HostRegister.Rax, ContextLayout.ArithmeticFlags);
        _code.RestoreFlagsFromAx();
        _code.Load(HostRegister.Rax, ContextLayout.StringRax);
        _code.Load(HostRegister.Rdx, ContextLayout.StringRdx);
    }

    /// <summary>Restores RAX, RDX and the flags, and goes to T0 through the mode's return cache.</summary>
    private void EmitGoTo(CpuMode mode)
    {
        var missing = EntryCache.EmitSearch(_code, ContextLayout.ReturnCache(mode), ContextLayout.ReturnEntries);
        EmitRestore();
        _code.Bytes([0x41, 0xff, 0xe3]); // jmp r11
        _code.PatchToHere(missing);
        EmitRestore();
        _code.Jump(_stubs.Leave(LeaveReason.ReturnCacheMiss));
    }

    private void EmitExit(LeaveReason reason, byte*[] common, params byte*[] others)
    {
        foreach (var site in common)
            _code.PatchToHere(site);
        foreach (var site in others)
            _code.PatchToHere(site);
        EmitRestore();
        _code.Load(HostRegister.T0, ContextLayout.Rip);
        _code.Jump(_stubs.Leave(reason));
    }

    /// <summary>INC qword gs:[count].</summary>
    private void Count(int offset) => _code.Context(0xff, 0, Gate(offset), wide: true);

    private void StoreFrame(int register, int word) => _code.MoveMemory(HostAssembler.MoveStore, register, HostRegister.T0, 8 * word);

    private void LoadFrame(int register, int word) => _code.MoveMemory(HostAssembler.MoveLoad, register, HostRegister.T0, 8 * word);

    /// <summary>MOV qword [r10 + 8 * word], value.</summary>
    private void StoreFrameConstant(int value, int word)
    {
        _code.Bytes([0x49, 0xc7, 0x42]);
        _code.Byte(8 * word);
        _code.Int32(value);
    }
}
