using Iced.Intel;

namespace CloudPv.X86;

/// <summary>The run loop: finds or makes translations, enters them, and deals with what they leave for.</summary>
public sealed unsafe partial class Cpu
{
    /// <summary>Counts the times that all translations were dropped, so that places in the code region from before are not used after.</summary>
    private int _generation;

    /// <summary>Set while one instruction runs that writes code which may be its own: writes are allowed, and noted.</summary>
    private bool _writesCode;

    private CpuExit Execute()
    {
        _writesCode = false;
        var kind = BlockKind.Normal;
        var link = 0u;
        var linkGeneration = 0;
        var linksFar = false;
        var fillsJumpCache = false;
        var fillsReturnCache = false;

        // A kick may have come between the discovery of such a write and its single step.
        _writesCode = false;
        while (true)
        {
            if (Volatile.Read(ref _context->Interrupt) != 0 && TakeInterrupt())
                return new CpuExit(CpuExitKind.Kicked);
            var trapping = (_context->State.Rflags & Rflags.Trap) != 0;
            if (trapping || HasBreakpoints)
                kind = BlockKind.SingleStep;
            if (HasBreakpoints && TryBreak(out var breakpoint))
                return breakpoint;
            if (kind == BlockKind.Normal && UsesWindows)
                kind = BlockKind.Windowed;
            if (!TryFindBlock(_context->State.Rip, kind, out var block, out var exit))
                return exit;
            if (block.UsesAvx && (_context->State.Xcr0 & CpuFeatures.AvxState) == 0)
            {
                kind = BlockKind.WithoutAvx;
                if (!TryFindBlock(_context->State.Rip, kind, out block, out exit))
                    return exit;
            }

            if (_taskSwitched && block.UsesFpu && kind != BlockKind.WithoutAvx)
            {
                if (kind == BlockKind.SingleStep)
                    return CpuFaults.DeviceNotAvailable;
                kind = BlockKind.WithoutFpu;
                if (!TryFindBlock(_context->State.Rip, kind, out block, out exit))
                    return exit;
            }

            // Translating may have let other CPUs' requests in.
            if (Volatile.Read(ref _context->Interrupt) != 0)
            {
                link = 0;
                fillsJumpCache = false;
                fillsReturnCache = false;
                continue;
            }

            if (link != 0 && linkGeneration == _generation && kind is BlockKind.Normal or BlockKind.Ungrouped or BlockKind.Windowed && (linksFar || block.NextFrame == Block.NoFrame))
                LinkTo(block, _region.At(link), linksFar);
            if (fillsJumpCache && !TryAddToJumpCache(block))
                continue;
            if (fillsReturnCache && kind is BlockKind.Normal or BlockKind.Windowed)
                AddToReturnCache(block);
            link = 0;
            linksFar = false;
            fillsJumpCache = false;
            fillsReturnCache = false;
            kind = BlockKind.Normal;

            Statistics.Dispatches++;
            var reason = _enter(_context, block.Entry, _stubs.Enter);
            while (reason == LeaveReason.Trap && TryFindSlowPath(out var slowPath))
                reason = _enter(_context, slowPath, _stubs.Enter);
            switch (reason)
            {
                case LeaveReason.Dispatch or LeaveReason.Interrupt:
                    break;
                case LeaveReason.Link:
                    link = (uint)_context->Argument;
                    linkGeneration = _generation;
                    break;
                case LeaveReason.LinkFar:
                    link = (uint)_context->Argument;
                    linkGeneration = _generation;
                    linksFar = true;
                    break;
                case LeaveReason.LinkUngrouped:
                    link = (uint)_context->Argument;
                    linkGeneration = _generation;
                    kind = BlockKind.Ungrouped;
                    break;
                case LeaveReason.JumpCacheMiss:
                    Statistics.JumpCacheMisses++;
                    fillsJumpCache = true;
                    break;
                case LeaveReason.ReturnCacheMiss:
                    fillsReturnCache = true;
                    break;
                case LeaveReason.OtherWindow:
                    NoteOtherWindow();
                    break;
                case LeaveReason.Emulate:
                    if (!TryEmulate(out exit) || TrapsBehind(trapping, out exit))
                        return exit;
                    break;
                case LeaveReason.InvalidOpcode:
                    return CpuFaults.InvalidOpcode;
                case LeaveReason.DeviceNotAvailable:
                    return CpuFaults.DeviceNotAvailable;
                case LeaveReason.Syscall:
                    return new CpuExit(CpuExitKind.Syscall);
                case LeaveReason.Cpuid:
                    return new CpuExit(CpuExitKind.Cpuid);
                case LeaveReason.SoftwareInterrupt:
                    return new CpuExit(CpuExitKind.SoftwareInterrupt, (byte)_context->Argument);
                case LeaveReason.Trap:
                    return ExceptionOfTrap((byte*)_context->State.Rip, (int)_context->Argument);
                case LeaveReason.Stepped:
                    if (_writesCode)
                        EndCodeWrite();
                    if (TrapsBehind(trapping, out exit))
                        return exit;
                    break;
                case LeaveReason.AccessRefused:
                    if (_hostFailure is { } failure)
                    {
                        _hostFailure = null;
                        throw new InvalidOperationException("A memory access of guest code failed in the host.", failure);
                    }

                    if (_writesCode)
                        EndCodeWrite();
                    switch (_refusal)
                    {
                        case Refusal.Fault:
                            return _refusedFault;
                        case Refusal.Group:
                            kind = BlockKind.Ungrouped;
                            break;
                        case Refusal.CodeWrite:
                            _writesCode = true;
                            kind = BlockKind.SingleStep;
                            break;
                        case Refusal.Text:
                            if (!TryContinueString(out exit))
                                return exit;
                            break;
                        case Refusal.Emulate:
                            if (!TryEmulate(out exit) || TrapsBehind(trapping, out exit))
                                return exit;
                            break;
                    }

                    break;
            }
        }
    }

    /// <summary>False: the block shows that flags cross indirect jumps, and all translations are gone.</summary>
    private bool TryAddToJumpCache(Block block)
    {
        if (block.IndirectEntry == null)
            return true;
        if (!block.IsFreeOfBroughtFlags && Space.Translation.Liveness.FindsFlagsBroughtTo(block.Key.Rip))
        {
            DropAllBlocks();
            return false;
        }

        block.IsFreeOfBroughtFlags = true;
        NoteEntry(block);
        Space.AddToJumpCache(block);
        return true;
    }

    private void AddToReturnCache(Block block)
    {
        NoteEntry(block);
        Space.AddToReturnCache(block);
    }

    private void BeginRunning()
    {
        Mailbox.BeginRunning();
        while (_bus.IsStopping)
        {
            Mailbox.EndRunning();
            _bus.AwaitOther();
            Mailbox.BeginRunning();
        }
    }

    /// <summary>Does what others asked for. True: it was a kick.</summary>
    private bool TakeInterrupt()
    {
        var reasons = Interlocked.Exchange(ref _context->Interrupt, 0);
        _profile?.Sort();
        if (_bus.IsStopping)
        {
            Mailbox.EndRunning();
            BeginRunning();
        }

        var requests = Mailbox.Take();
        if (requests.FlushAll)
            FlushTlb();
        foreach (var address in requests.FlushPages)
            FlushTlb(address);
        foreach (var frame in requests.Withdrawals)
            WithdrawWriteTags(frame);
        foreach (var write in requests.CodeWrites)
            DropBlocks(write);
        return (reasons & CpuMailbox.Kicked) != 0;
    }

    private void WithdrawWriteTags(ulong frame)
    {
        foreach (var space in _spaces)
            space.Tlb.WithdrawWriteTags(_bus.Memory.Frame(frame));
        _windows?.WithdrawWrites(frame);
    }

    /// <summary>State.Rip is a host address in translated code: makes it the guest's. The host raised there what the guest is to see.</summary>
    private CpuExit ExceptionOfTrap(byte* host, int vector)
    {
        if (!_region.TryFindTrap(host, out var rip))
            throw new InvalidOperationException($"Exception {vector} at {(nint)host:x} in translated code that stands for no instruction.");
        _context->State.Rip = rip;
        if (_context->StateMasked != 0)
            (_context->State.Rax, _context->State.Rdx, _context->StateMasked) = (_context->StringRax, _context->StringRdx, 0);
        if (_writesCode)
            EndCodeWrite();
        return vector switch
        {
            CpuFaults.DivideErrorVector => CpuFaults.DivideError,
            CpuFaults.InvalidOpcodeVector => CpuFaults.InvalidOpcode,
            CpuFaults.X87Vector => CpuFaults.X87,
            CpuFaults.SimdVector => CpuFaults.Simd,
            _ => CpuFaults.GeneralProtection,
        };
    }

    /// <summary>Carries the instruction at Rip out in C#.</summary>
    private bool TryEmulate(out CpuExit exit)
    {
        if (!TryFetchInstruction(out var instruction, out exit))
            return false;
        if (_taskSwitched && NeedsFpu(in instruction))
        {
            exit = CpuFaults.DeviceNotAvailable;
            return false;
        }

        Statistics.InstructionsEmulated++;
        _context->Activity = (int)ProfileKind.Emulation;
        PackFlags();
        _emulates = true;
        var result = Emulator.Execute(ref _context->State, in instruction, this, _descriptors);
        _emulates = false;
        _context->Activity = (int)ProfileKind.RunLoop;
        UnpackFlags();
        exit = result.Status == EmulationStatus.NotHandled ? CpuFaults.InvalidOpcode : result.Exit;
        return result.Status == EmulationStatus.Done;
    }

    /// <summary>Without XCR0, instructions on extended state raise #UD whatever CR0.TS is.</summary>
    private bool NeedsFpu(in Instruction instruction)
    {
        var form = InstructionForm.Of(in instruction);
        return form.UsesFpu && !(form.UsesAvx && _context->State.Xcr0 == 0);
    }

    /// <summary>Decodes the instruction at RIP from its bytes, as many of the longest instruction's as the caller could read. False: these are no instruction.</summary>
    public bool TryDecode(ReadOnlySpan<byte> bytes, out Instruction instruction) =>
        _singles.TryDecode(_context->State.Rip, bytes, out instruction) && !instruction.IsInvalid;

    /// <summary>Fetches and decodes the instruction at RIP; one that is none comes back as invalid. False: the fault of the fetch.</summary>
    private bool TryFetchInstruction(out Instruction instruction, out CpuExit fault)
    {
        instruction = default;
        var rip = _context->State.Rip;
        var fetcher = Space.Fetcher;
        if (!fetcher.TryFetch(rip, out _, out fault))
            return false;
        var here = fetcher.Peek(rip);
        if (_singles.TryDecode(rip, here[..Math.Min(here.Length, GuestBlock.LongestInstruction)], out instruction) || here.Length >= GuestBlock.LongestInstruction)
            return true;
        if (!fetcher.TryFetch(rip + (ulong)here.Length, out _, out fault))
            return false;
        Span<byte> bytes = stackalloc byte[GuestBlock.LongestInstruction];
        here.CopyTo(bytes);
        fetcher.Peek(rip + (ulong)here.Length)[..(bytes.Length - here.Length)].CopyTo(bytes[here.Length..]);
        _singles.TryDecode(rip, bytes, out instruction);
        return true;
    }

    private readonly SingleDecoder _singles = new();
}
