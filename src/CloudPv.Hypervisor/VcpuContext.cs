using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What the guest told Xen about this vCPU: handlers, kernel stack, virtual control registers, segment bases.</summary>
internal sealed partial class Vcpu
{
    private const ulong Cr0TaskSwitched = 1 << 3;

    /// <summary>What MOV from CR0 shows besides TS: PE, MP, ET, NE, WP, AM, PG.</summary>
    private const ulong Cr0Fixed = 0x8005_0033;

    /// <summary>CR4 bits that a PV guest sees set whatever it writes: PAE, MCE, OSFXSR, OSXMMEXCPT (and those that it may choose: TSD, DE, OSXSAVE).</summary>
    private const ulong Cr4Fixed = 0x660;
    private const ulong Cr4GuestOwned = (1 << 2) | (1 << 3);
    private const ulong Cr4ExtendedStates = 1 << 18;

    private ulong _cr4 = Cr4Fixed;
    private ulong _xcr0 = CpuidPolicy.InitialExtendedStates;
    private volatile bool _nmiPending;
    private bool _nmiMasked;
    private Callback _syscallCallback;

    /// <summary>The virtual IDT (set_trap_table).</summary>
    public TrapInfo[] Traps { get; } = new TrapInfo[256];

    public Callback EventCallback { get; set; }
    public Callback FailsafeCallback { get; set; }
    public Callback SyscallCallback
    {
        get => _syscallCallback;
        set
        {
            _syscallCallback = value;
            CloseSystemCallGate();
        }
    }

    public Callback Syscall32Callback { get; set; }
    public Callback SysenterCallback { get; set; }

    /// <summary>The stack that a trap out of user mode starts on (stack_switch).</summary>
    public GuestVirtual KernelStack
    {
        get => new(Cpu.Gate.KernelStack);
        set => Cpu.Gate.KernelStack = value.Value;
    }

    public ushort KernelStackSelector { get; set; }

    /// <summary>The GS base of the mode that isn't running; they change places with the mode.</summary>
    public ulong OtherGsBase
    {
        get => Cpu.Gate.OtherGsBase;
        set => Cpu.Gate.OtherGsBase = value;
    }

    public ulong Cr2 { get; set; }

    /// <summary>CR0.TS: the next FPU instruction raises #NM.</summary>
    public bool TaskSwitched
    {
        get => Cpu.TaskSwitched;
        set => Cpu.TaskSwitched = value;
    }

    public ulong Cr0 => Cr0Fixed | (TaskSwitched ? Cr0TaskSwitched : 0);

    /// <summary>A write changes those bits alone that are the guest's own; Xen ignores the rest.</summary>
    public ulong Cr4
    {
        get => _cr4;
        set
        {
            ulong owned = Cr4GuestOwned | (CpuidPolicy.OffersExtendedStates ? Cr4ExtendedStates : 0);
            _cr4 = Cr4Fixed | (value & owned);
            SetExtendedStates(_xcr0);
        }
    }

    /// <summary>CR4.OSXSAVE: the guest may execute XSAVE and XSETBV, and sees in CPUID that it may.</summary>
    public bool HasExtendedStates => (_cr4 & Cr4ExtendedStates) != 0;

    /// <summary>XSETBV of XCR0. False: it is a value that gives #GP.</summary>
    public bool TrySetXcr0(ulong value)
    {
        if (!HasExtendedStates || !CpuidPolicy.MayHoldExtendedStates(value) || !SetExtendedStates(value))
            return false;
        _xcr0 = value;
        return true;
    }

    private bool SetExtendedStates(ulong value) => Cpu.SetExtendedStates(HasExtendedStates ? value : 0);

    public DebugRegisters Debug { get; }

    /// <summary>Reads what stands at RIP, for emulation.</summary>
    public GuestInstruction Instruction { get; } = new();

    /// <summary>PHYSDEVOP_set_iobitmap: where the bitmap stands and how many ports it covers.</summary>
    public (GuestVirtual Address, uint Ports) IoBitmap { get; set; }

    /// <summary>RFLAGS.IOPL as the guest set it (PHYSDEVOP_set_iopl, or RFLAGS with architectural IOPL).</summary>
    public int Iopl { get; set; }

    /// <summary>True once VCPUOP_initialise succeeded, and for vCPU 0.</summary>
    public bool IsInitialised { get; private set; }

    /// <summary>An NMI that waits for delivery (VCPUOP_send_nmi). Set from any thread.</summary>
    public bool NmiPending
    {
        get => _nmiPending;
        set => _nmiPending = value;
    }

    /// <summary>The guest is in its NMI handler.</summary>
    public bool NmiMasked
    {
        get => _nmiMasked;
        set
        {
            _nmiMasked = value;
            if (value)
                CloseSystemCallGate();
        }
    }

    /// <summary>CS and SS were given by the guest, and are looked at on the way back to it.</summary>
    public bool ReturnsToUncheckedSelectors { get; set; }

    /// <summary>DS, ES, FS and GS were given by the guest, and are looked at before it runs.</summary>
    public bool HasSegmentsToLoad { get; set; }

    /// <summary>Leaves user mode: the kernel's page tables and GS base.</summary>
    public void EnterKernelMode() => SwitchMode(CpuMode.Kernel);

    /// <summary>Leaves kernel mode: the user's page tables and GS base.</summary>
    public void EnterUserMode() => SwitchMode(CpuMode.User);

    private void SwitchMode(CpuMode mode)
    {
        ref CpuState state = ref Cpu.State;
        (state.GsBase, OtherGsBase) = (OtherGsBase, state.GsBase);
        Cpu.Mode = mode;
    }

    /// <summary>vCPU 0 as the domain builder leaves it: everything zero but what a start of day needs.</summary>
    public void Initialise(StartOfDay start)
    {
        ref CpuState state = ref Cpu.State;
        state.Rip = start.Entry.Value;
        state.Rsi = start.StartInfo.Value;
        state.Rsp = start.StackTop.Value;
        state.Rflags = GuestRflags.Sanitise(0);
        state.Cs = FlatSelectors.Code64;
        state.Ss = FlatSelectors.Stack;
        InitialiseFpu(ref state);
        Cpu.Mode = CpuMode.Kernel;
        UpcallsMasked = true;
        IsInitialised = true;
    }

    /// <summary>A secondary vCPU as VCPUOP_initialise describes it; it is down. 0 or an error.</summary>
    public long Initialise(in VcpuGuestContext context)
    {
        long error = SetTables(context);
        if (error != 0)
            return error;

        ref CpuState state = ref Cpu.State;
        ref readonly CpuUserRegs regs = ref context.UserRegs;
        (state.Rax, state.Rcx, state.Rdx, state.Rbx) = (regs.Rax, regs.Rcx, regs.Rdx, regs.Rbx);
        (state.Rsp, state.Rbp, state.Rsi, state.Rdi) = (regs.Rsp, regs.Rbp, regs.Rsi, regs.Rdi);
        (state.R8, state.R9, state.R10, state.R11) = (regs.R8, regs.R9, regs.R10, regs.R11);
        (state.R12, state.R13, state.R14, state.R15) = (regs.R12, regs.R13, regs.R14, regs.R15);
        state.Rip = regs.Rip;
        state.Rflags = GuestRflags.Sanitise(regs.Rflags);
        Iopl = (int)(regs.Rflags >> 12 & 3);
        state.Cs = (ushort)(regs.Cs | 3);
        state.Ss = (ushort)(regs.Ss | 3);
        (state.Ds, state.Es, state.Fs, state.Gs) = (regs.Ds, regs.Es, regs.Fs, regs.Gs);
        state.FsBase = context.FsBase;

        bool inKernel = (context.Flags & VcpuGuestContext.InKernel) != 0;
        Cpu.Mode = inKernel ? CpuMode.Kernel : CpuMode.User;
        (state.GsBase, OtherGsBase) = inKernel ? (context.GsBaseKernel, context.GsBaseUser) : (context.GsBaseUser, context.GsBaseKernel);

        if ((context.Flags & VcpuGuestContext.I387Valid) != 0)
            MemoryMarshal.AsBytes(new ReadOnlySpan<FpuContext>(in context.FpuCtxt)).CopyTo(MemoryMarshal.AsBytes(new Span<FxState>(ref state.Fx)));
        else
            InitialiseFpu(ref state);
        state.YmmInUse = 0;

        SetCallbacks(context);
        HasSegmentsToLoad = true;
        ReturnsToUncheckedSelectors = true;
        UpcallsMasked = true;
        IsInitialised = true;
        return 0;
    }

    /// <summary>Descriptor and page tables: what can fail. Nothing else has been set before.</summary>
    private long SetTables(in VcpuGuestContext context)
    {
        if (!HasUsableAddresses(context) || context.LdtEnts > DescriptorTables.MaximumLdtEntries || context.LdtBase % MachineMemory.FrameSize != 0)
            return XenErrno.EINVAL;
        long error = SetGdt(context);
        if (error != 0)
            return error;
        Descriptors.SetLdt(new GuestVirtual(context.LdtBase), (int)context.LdtEnts);
        error = Domain.Memory.SetBasePointer(this, CpuMode.Kernel, PageTableFrame(context.Ctrlreg[3]));
        if (error != 0 || context.Ctrlreg[1] == 0)
            return error;
        return Domain.Memory.SetBasePointer(this, CpuMode.User, PageTableFrame(context.Ctrlreg[1]));
    }

    private static bool HasUsableAddresses(in VcpuGuestContext context)
    {
        ReadOnlySpan<ulong> addresses =
        [
            context.UserRegs.Rip, context.UserRegs.Rsp, context.KernelSp, context.LdtBase, context.FsBase, context.GsBaseKernel, context.GsBaseUser,
            context.EventCallbackEip, context.SyscallCallbackEip, context.FailsafeCallbackEip,
        ];
        foreach (ulong address in addresses)
        {
            if (!ModelSpecificRegisters.IsCanonical(address))
                return false;
        }
        foreach (ref readonly TrapInfo trap in (ReadOnlySpan<TrapInfo>)context.TrapCtxt)
        {
            if (!ModelSpecificRegisters.IsCanonical(trap.Address))
                return false;
        }
        return !HypervisorRange.Contains(context.LdtBase);
    }

    private long SetGdt(in VcpuGuestContext context)
    {
        if (context.GdtEnts > DescriptorTables.GuestEntries)
            return XenErrno.EINVAL;
        Span<Mfn> frames = stackalloc Mfn[DescriptorTables.PagesFor((int)context.GdtEnts)];
        for (int index = 0; index < frames.Length; index++)
            frames[index] = new Mfn(context.GdtFrames[index]);
        return Descriptors.SetGdt(frames, (int)context.GdtEnts);
    }

    private void SetCallbacks(in VcpuGuestContext context)
    {
        ((ReadOnlySpan<TrapInfo>)context.TrapCtxt).CopyTo(Traps);
        for (int vector = 0; vector < Traps.Length; vector++)
            Traps[vector].Vector = (byte)vector;
        EventCallback = new(context.EventCallbackEip, MasksUpcalls: true);
        FailsafeCallback = new(context.FailsafeCallbackEip, (context.Flags & VcpuGuestContext.FailsafeDisablesEvents) != 0);
        SyscallCallback = new(context.SyscallCallbackEip, (context.Flags & VcpuGuestContext.SyscallDisablesEvents) != 0);
        KernelStack = new(context.KernelSp);
        KernelStackSelector = (ushort)context.KernelSs;
        Cr4 = context.Ctrlreg[4];
        TaskSwitched = (context.Ctrlreg[0] & Cr0TaskSwitched) != 0;
        for (int register = 0; register < 8; register++)
            Debug.Set(register, context.Debugreg[register], Cr4);
    }

    /// <summary>The frame in a CR3 value (xen_cr3_to_pfn of a 64-bit guest).</summary>
    internal static Mfn PageTableFrame(ulong cr3) => new(cr3 >> MachineMemory.FrameShift);

    /// <summary>The state after FNINIT, with SSE exceptions masked.</summary>
    private static void InitialiseFpu(ref CpuState state)
    {
        state.Fx = default;
        state.YmmInUse = 0;
        Span<byte> image = state.Fx;
        MemoryMarshal.Write(image, (ushort)0x037f);
        MemoryMarshal.Write(image[24..], 0x1f80u);
    }
}

/// <summary>An entry point into the guest's kernel.</summary>
/// <param name="Address">0: none registered.</param>
/// <param name="MasksUpcalls">Whether it is entered with upcalls masked.</param>
internal readonly record struct Callback(ulong Address, bool MasksUpcalls);
