namespace CloudPv.X86;

/// <summary>Which of a PV CPU's two address spaces and translation sets guest code runs in.</summary>
public enum CpuMode
{
    Kernel,
    User,
}

/// <summary>
/// One x86-64 CPU that always runs at CPL 3 on its caller's thread. Everything that needs more privilege comes back as a <see cref="CpuExit"/>,
/// just as a real CPU would trap into its hypervisor.
/// </summary>
public sealed unsafe partial class Cpu : IDisposable
{
    private const uint HostMxcsr = 0x1f80;
    private const uint ValidMxcsr = 0xffff;
    private const ushort InitialX87Control = 0x37f;
    private const ulong KeptFlags = Rflags.Trap | Rflags.NestedTask | Rflags.AlignmentCheck | Rflags.Identification;

    private readonly CpuBus _bus;
    private readonly ISegmentDescriptors _descriptors;
    private readonly CpuContext* _context;
    private readonly CodeRegion _region = new();
    private readonly Stubs _stubs;
    private readonly GuestBlock _guestBlock;
    private readonly BlockTranslator _translator;
    private readonly BlockTable _blocks;
    private readonly AddressSpace[] _spaces;
    private System.Runtime.InteropServices.GCHandle _self;
    private readonly CpuProfile? _profile;

    /// <summary>(context, host address, <see cref="Stubs.Enter"/>): that stub, or while profiled, <see cref="MarkedEntry"/>.</summary>
    private readonly delegate* unmanaged<CpuContext*, byte*, void*, LeaveReason> _enter;
    private bool _runs;
    private bool _disposed;

    /// <param name="profile">Where to note what this CPU spends time on; null: nowhere.</param>
    public Cpu(CpuBus bus, int index, ISegmentDescriptors descriptors, CpuProfile? profile = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        TrapHandler.Install();
        _bus = bus;
        Index = index;
        _guestBlock = new GuestBlock(bus.Options);
        _descriptors = descriptors;

        // SAFETY: the context is zeroed memory of at least the size that ContextLayout describes; it lives until Dispose.
        _context = (CpuContext*)HostSystem.MapAlignedPages(ContextLayout.MappedSize, HostSystem.ProtRead | HostSystem.ProtWrite);
        HostSystem.UseHugePages((byte*)_context, ContextLayout.MappedSize);
        Mailbox = new CpuMailbox(_context);
        _stubs = new Stubs(_region.Assembler);
        _region.EndStubs();
        _recorder = bus.Translations == null ? null : new TranslationRecorder(_region);
        _profile = profile;
        profile?.Attach(_context, _region, _stubs);
        _enter = profile is null ? (delegate* unmanaged<CpuContext*, byte*, void*, LeaveReason>)_stubs.Enter : MarkedEntry.Enter;
        _self = System.Runtime.InteropServices.GCHandle.Alloc(this);
        InitializeContext();
        _windows = bus.Options.HostWindows ? new UserWindows(_context, bus) : null;
        _spaces = [NewSpace(CpuMode.Kernel), NewSpace(CpuMode.User)];
        _blocks = new BlockTable(bus.Code);
        _translator = new BlockTranslator(bus.Options, _region, _stubs, _guestBlock, [.. _spaces.Select(space => space.Translation)], _windows?.Hints);
        bus.Add(this);
    }

    /// <summary>0, 1, … within the guest.</summary>
    public int Index { get; }

    /// <summary>Registers. Only to be touched by the thread that calls <see cref="Run"/>, between runs, or before the first.</summary>
    public ref CpuState State => ref _context->State;

    /// <summary>To be touched as <see cref="State"/> is.</summary>
    public CpuMode Mode
    {
        get => _context->Mode;
        set => _context->Mode = value;
    }

    /// <summary>How system calls get into a paravirtual kernel, and back. To be touched as <see cref="State"/> is.</summary>
    public ref SystemCallGate Gate => ref _context->Gate;

    /// <summary>What the caller of <see cref="Run"/> does until it runs again: a number of its own, not negative, for <see cref="CpuProfile"/>.</summary>
    public int Activity
    {
        set => _context->Activity = (int)ProfileKind.Caller + value;
    }

    public CpuStatistics Statistics { get; } = new();

    internal CpuMailbox Mailbox { get; }

    private AddressSpace Space => _spaces[(int)Mode];

    /// <summary>Sets the level-4 page table (a machine frame number) of a mode and drops that mode's translations where it differs.</summary>
    public void SetPageTable(CpuMode mode, ulong rootFrame)
    {
        var space = _spaces[(int)mode];
        if (space.Fetcher.Root == rootFrame)
            return;
        space.Fetcher.Root = rootFrame;
        space.Flush();
        if (mode == CpuMode.User)
            EnterWindows(rootFrame);
    }

    /// <summary>Runs guest code until something needs the hypervisor.</summary>
    public CpuExit Run()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!HostSystem.HasFsGsBase)
            HostSystem.SetGsBase(_context);
        BeginRunning();
        _context->Activity = (int)ProfileKind.RunLoop;
        _runs = true;
        try
        {
            TakeResumeFlag();
            UnpackFlags();
            *(uint*)((byte*)_context + ContextLayout.Mxcsr) &= ValidMxcsr;
            var exit = Execute();
            PackFlags();
            PutResumeFlag();
            Statistics.SystemCalls = (long)_context->Gate.SystemCalls;
            Statistics.SystemCallReturns = (long)_context->Gate.Returns;
            Statistics.CountExit(exit.Kind);
            if (exit.Kind == CpuExitKind.Kicked || _windows is { HasToGo: true })
                ConsiderWindows();
            return exit;
        }
        finally
        {
            _runs = false;
            Mailbox.EndRunning();
        }
    }

    /// <summary>Makes a current or the next <see cref="Run"/> return <see cref="CpuExitKind.Kicked"/> soon. From any thread; never blocks.</summary>
    public void Kick()
    {
        Mailbox.Kick();
    }

    /// <summary>Makes an alarm that kicks this CPU. On the thread that runs it, which also disposes of the alarm.</summary>
    /// <param name="bell">Becomes 1, too, when it rings: what the thread looks at where it doesn't run the CPU. Outlives the alarm.</param>
    public CpuAlarm CreateAlarm(int* bell) => new(&_context->Interrupt, bell);

    /// <summary>Drops this CPU's translations, all or of one page, in both modes. Only from its own thread.</summary>
    public void FlushTlb()
    {
        foreach (var space in _spaces)
            space.Flush();
        _windows?.Shown?.Flush();
    }

    public void FlushTlb(ulong address)
    {
        foreach (var space in _spaces)
            space.Flush(address);
        _windows?.Shown?.FlushPage(address);
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _bus.Remove(this);
        _blocks.Clear();
        _windows?.Dispose();
        _guestBlock.Dispose();
        _region.Dispose();
        _self.Free();
        HostSystem.Unmap((byte*)_context, ContextLayout.MappedSize);
    }

    private AddressSpace NewSpace(CpuMode mode) => new(_context, mode, _bus, _stubs);

    private void InitializeContext()
    {
        _context->Self = _context;
        _context->Owner = System.Runtime.InteropServices.GCHandle.ToIntPtr(_self);
        _context->X87Ensure = _stubs.X87Load;
        _context->PageMask = ~0xffful;
        _context->TlbMask = (ulong)(ContextLayout.TlbEntries - 1) << MachineMemory.FrameShift;
        _context->WindowMask = (ulong)(ContextLayout.WindowEntries - 1) << WindowRange.Shift;
        _context->BitMask32 = 31;
        _context->BitMask64 = 63;
        _context->YmmMask = CpuFeatures.AvxState;
        _context->HostMxcsr = HostMxcsr;
        _context->Resolve = (delegate* unmanaged<CpuContext*, ulong, ulong, byte*>)&OnResolve;
        _context->Commit = (delegate* unmanaged<CpuContext*, ulong, ulong, void>)&OnCommit;
        _context->State.Rflags = Rflags.AlwaysSet | Rflags.Interrupt;
        *(uint*)((byte*)_context + ContextLayout.Mxcsr) = HostMxcsr;
        *(ushort*)((byte*)_context + ContextLayout.Fx) = InitialX87Control;
    }

    /// <summary>RFLAGS → the parts that translated code keeps.</summary>
    private void UnpackFlags()
    {
        var flags = _context->State.Rflags;
        const ulong InAh = Rflags.Status & 0xff;
        _context->ArithmeticFlags = ((flags & InAh) | Rflags.AlwaysSet) << 8 | ((flags & Rflags.Overflow) != 0 ? 1ul : 0);
        _context->Direction = flags & Rflags.Direction;
        _context->OtherFlags = (flags & KeptFlags) | Rflags.Interrupt;
    }

    private void PackFlags()
    {
        ref var flags = ref _context->State.Rflags;
        var arithmetic = (_context->ArithmeticFlags >> 8 & Rflags.Status & 0xff) | ((_context->ArithmeticFlags & 1) != 0 ? Rflags.Overflow : 0);
        flags = (flags & KeptFlags) | arithmetic | _context->Direction | Rflags.AlwaysSet | Rflags.Interrupt;
    }
}
