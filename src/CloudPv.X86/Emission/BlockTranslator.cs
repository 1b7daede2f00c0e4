using Iced.Intel;

namespace CloudPv.X86;

/// <summary>What a translation is made for.</summary>
/// <param name="Frame">The block's first machine frame.</param>
/// <param name="NextFrame">The second; <see cref="Block.NoFrame"/> where there is none.</param>
internal readonly record struct TranslationRequest(CpuMode Mode, BlockKind Kind, ulong Frame, ulong NextFrame);

/// <summary>The host addresses of a translation.</summary>
internal readonly unsafe struct Translation(byte* entry, byte* indirectEntry, byte* hotEnd, byte* cold, byte* coldEnd)
{
    public byte* Entry { get; } = entry;

    /// <summary>Stands in front of <see cref="Entry"/>; null where there is none.</summary>
    public byte* IndirectEntry { get; } = indirectEntry;

    public byte* HotEnd { get; } = hotEnd;

    public byte* Cold { get; } = cold;

    public byte* ColdEnd { get; } = coldEnd;
}

/// <summary>
/// Turns a decoded block into host code. The hot part runs straight through the guest's instructions; what is seldom needed (memory checks that fail, exits that
/// aren't linked yet) stands in the cold part of the code region. The parts of this class are one file for each family of instructions.
/// </summary>
internal sealed unsafe partial class BlockTranslator(TranslatorOptions options, CodeRegion region, Stubs stubs, GuestBlock block, ModeTranslation[] modes, WindowHints? hints)
{
    private readonly HostAssembler _code = region.Assembler;

    private ModeTranslation _mode = modes[0];
    private BlockKind _kind;
    private TranslationRequest _request;
    private byte* _entry;
    private bool _x87Ensured;

    /// <summary>Whether the context says that the upper halves of YMM registers are in use.</summary>
    private bool _ymmMarked;

    // The group of accesses in progress: T0 holds the host address of its lowest byte.
    private bool _inGroup;
    private AccessGroup _group;

    /// <summary>What pushes, pops and the like have added to RSP since the group's start, and how much of that R9 doesn't show yet.</summary>
    private int _groupMoved;
    private int _pendingMove;

    /// <summary>Emits the block that stands decoded. The caller has made sure of room in the region.</summary>
    public Translation Translate(TranslationRequest request)
    {
        _request = request;
        _kind = request.Kind;
        _mode = modes[(int)request.Mode];
        _mode.Liveness.Analyze(block, singleStep: _kind == BlockKind.SingleStep);
        _slowPathCount = 0;
        _exitCount = 0;
        _interruptSite = null;
        _x87Ensured = false;
        _ymmMarked = false;
        _inGroup = false;
        _pendingMove = 0;
        ForgetHeld();
        ForgetShared();
        ForgetWindows();
        _otherWindowCount = 0;
        region.UseHot();
        var indirectEntry = _kind is BlockKind.Normal or BlockKind.Windowed ? EmitIndirectEntry() : null;
        _entry = _code.Cursor;
        EmitInstructions();
        var hotEnd = _code.Cursor;
        region.UseCold();
        var cold = _code.Cursor;
        EmitExitStubs();
        EmitInterruptExit();
        EmitSlowPaths();
        EmitOtherWindows();
        region.Finish();
        return new Translation(_entry, indirectEntry, hotEnd, cold, _code.Cursor);
    }

    private bool FlagsLiveAt(int index) => _mode.Liveness[index] != 0;

    private void EmitInstructions()
    {
        var checkAt = FindInterruptCheck(out var flagsLiveAtCheck);
        var groupEnd = -1;
        for (var index = 0; index < block.Count; index++)
        {
            if (index > groupEnd)
            {
                FlushStackPointer();
                _inGroup = false;
            }

            if (index == checkAt)
            {
                FlushStackPointer();
                EmitInterruptCheck(index, flagsLiveAtCheck);
            }

            if (index > groupEnd && options.AccessGrouping && _kind == BlockKind.Normal && TryBeginGroup(index, out var last))
                groupEnd = last;
            EmitInstruction(index);
            ForgetShared(index);
        }

        FlushStackPointer();
        if (!block.IsClosed)
            EmitJumpTo(block.End);
    }

    private void EmitInstruction(int index)
    {
        ref readonly var instruction = ref block[index];
        var form = block.Form(index);
        var keepsHeld = KeepsHeld(in instruction, form);
        if (!keepsHeld)
            ForgetHeld();
        _keepsT1 = true;
        EmitInstruction(index, in instruction, form);
        if (!keepsHeld)
            ForgetHeld();
        if (_kind == BlockKind.Windowed)
            ForgetWindows(in instruction, form);
    }

    private void EmitInstruction(int index, in Instruction instruction, InstructionForm form)
    {
        if (_kind == BlockKind.WithoutFpu && form.UsesFpu)
        {
            EmitLeaveTo(LeaveReason.DeviceNotAvailable, instruction.IP);
            return;
        }

        if (_kind == BlockKind.WithoutAvx && form.UsesAvx)
        {
            EmitLeaveTo(form.Treatment == Treatment.ExtendedState ? LeaveReason.Emulate : LeaveReason.InvalidOpcode, instruction.IP);
            return;
        }

        if (form.UsesAvx && form.IsVex && !_ymmMarked)
            EmitYmmMark(in instruction);
        if (_inGroup && TryEmitInGroup(index, in instruction, form))
            return;
        if (form.UsesX87 && !_x87Ensured && form.Treatment == Treatment.Rewrite)
            EmitX87Ensure();

        switch (form.Treatment)
        {
            case Treatment.Rewrite:
                EmitRewritten(index, in instruction, form);
                break;
            case Treatment.Tentative when _kind is not (BlockKind.Normal or BlockKind.Windowed):
            case Treatment.ExtendedState when _kind != BlockKind.Normal || _mode.Mode == CpuMode.User:
                EmitLeaveTo(LeaveReason.Emulate, instruction.IP);
                break;
            case Treatment.Tentative:
                EmitRewritten(index, in instruction, form);
                break;
            case Treatment.ExtendedState:
                EmitExtendedState(index, in instruction);
                break;
            case Treatment.Nothing:
                break;
            case Treatment.Lea:
                EmitLea(index, in instruction);
                break;
            case Treatment.BitString:
                EmitBitString(index, in instruction, form);
                break;
            case Treatment.Push:
                EmitPush(index, in instruction);
                break;
            case Treatment.Pop:
                EmitPop(index, in instruction);
                break;
            case Treatment.Leave:
                EmitLeave(index, in instruction);
                break;
            case Treatment.Jump:
                EmitJumpTo(instruction.NearBranchTarget);
                break;
            case Treatment.JumpConditional:
                EmitConditionalJump(in instruction);
                break;
            case Treatment.JumpOnCount:
                EmitJumpOnCount(index, in instruction);
                break;
            case Treatment.JumpIndirect:
                EmitIndirectTarget(index, in instruction);
                EmitJumpToT0();
                break;
            case Treatment.Call:
                EmitPushReturnAddress(index, in instruction);
                EmitCallTo(instruction.NearBranchTarget);
                break;
            case Treatment.CallIndirect:
                EmitIndirectTarget(index, in instruction);
                _code.Store(HostRegister.T0, ContextLayout.Scratch);
                EmitPushReturnAddress(index, in instruction);
                _code.Load(HostRegister.T0, ContextLayout.Scratch);
                EmitJumpToT0();
                break;
            case Treatment.Return:
                EmitReturn(index, in instruction);
                break;
            case Treatment.ClearDirection:
                _code.StoreImmediate64(ContextLayout.Direction, 0);
                break;
            case Treatment.SetDirection:
                _code.StoreImmediate64(ContextLayout.Direction, (int)Rflags.Direction);
                break;
            case Treatment.MoveString when _kind == BlockKind.SingleStep: // one iteration at a time
                EmitLeaveTo(LeaveReason.Emulate, instruction.IP);
                break;
            case Treatment.MoveString when instruction.HasRepPrefix:
                EmitRepeatedString(in instruction);
                break;
            case Treatment.MoveString:
                EmitSingleString(index, in instruction);
                break;
            case Treatment.PushFlags:
                EmitPushFlags(index, in instruction);
                break;
            case Treatment.ReadSelector:
                EmitReadSelector(in instruction);
                break;
            case Treatment.Syscall:
                EmitSystemCall(in instruction);
                break;
            case Treatment.Cpuid:
                EmitLeaveTo(LeaveReason.Cpuid, instruction.IP);
                break;
            case Treatment.SoftwareInterrupt:
                EmitSoftwareInterrupt(in instruction);
                break;
            case Treatment.InterruptReturn when options.SystemCallStubs && _kind != BlockKind.SingleStep:
                _code.MoveAddress(HostRegister.T0, instruction.IP);
                _code.Jump(stubs.Calls.InterruptReturn(_mode.Mode));
                break;
            case Treatment.InvalidOpcode:
                EmitLeaveTo(LeaveReason.InvalidOpcode, instruction.IP);
                break;
            default:
                EmitLeaveTo(LeaveReason.Emulate, instruction.IP);
                break;
        }
    }

    /// <summary>An instruction that a group's check covers, or that needs nothing special between its accesses. False: it is emitted as usual.</summary>
    private bool TryEmitInGroup(int index, in Instruction instruction, InstructionForm form)
    {
        if (AccessGroup.IsStackAccess(in instruction, form, out var pushes))
        {
            if (pushes)
                EmitGroupedPush(in instruction, form);
            else
                EmitGroupedPop(in instruction, form);
            return true;
        }

        if (_group.Base == HostRegister.Rsp && form.Treatment == Treatment.Rewrite && AccessGroup.IsStackPointerMove(in instruction, out var amount))
        {
            _groupMoved += amount;
            var liveBehind = index + 1 < block.Count ? _mode.Liveness[index + 1] : _mode.Liveness.AtEnd;
            if ((liveBehind & form.Kills(in instruction)) == 0)
            {
                _pendingMove += amount;
                return true;
            }
        }
        else if (form.Treatment == Treatment.Rewrite && !form.MayTrap && !form.UsesX87 && GuestRegister.HasMemoryOperand(in instruction)
            && !GuestRegister.IsOperand(in instruction, HostRegister.Rsp))
        {
            EmitRewrittenInGroup(index, in instruction, form);
            return true;
        }

        FlushStackPointer();
        if (form.Treatment != Treatment.Rewrite || !GuestRegister.HasMemoryOperand(in instruction))
            return false;
        if (form.UsesX87 && !_x87Ensured)
            EmitX87Ensure();

        EmitRewrittenInGroup(index, in instruction, form);
        return true;
    }

    /// <summary>Has the guest's x87 state in the FPU. Uses T1.</summary>
    private void EmitX87Ensure()
    {
        _code.CallContext(ContextLayout.X87Ensure);
        _x87Ensured = true;
        _slotInT1 = NoSlot;
        ForgetHeld();
    }

    /// <summary>Makes R9 show all that was added to RSP.</summary>
    private void FlushStackPointer()
    {
        if (_pendingMove == 0)
            return;
        _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, _pendingMove);
        _pendingMove = 0;
    }
}
