using System.Runtime.InteropServices;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Jumps between blocks, and the check for interrupts that every loop passes.</summary>
internal sealed unsafe partial class BlockTranslator
{
    private const int JumpSize = 5;

    [StructLayout(LayoutKind.Auto)]
    private struct Exit
    {
        public byte* Site;
        public ulong Target;

        /// <summary><see cref="LeaveReason.Link"/> for a jump of the guest's.</summary>
        public LeaveReason Reason;
    }

    private readonly Exit[] _exits = new Exit[GuestBlock.LongestBlock + 2];
    private int _exitCount;

    private byte* _interruptSite;
    private bool _interruptRestoresRcx;
    private ulong _interruptRip;

    /// <summary>
    /// The entry for those who come through the jump cache: T0 must be this block's address, else the slot was another's. Who comes here has no live flags, or else this
    /// block must keep them even where they are dead in it, for they may be meant for another block of this slot.
    /// </summary>
    private byte* EmitIndirectEntry()
    {
        var start = _code.Cursor;
        var rip = block.Rip;
        if (!FlagsLiveAt(0) && _mode.Liveness.AreDeadAtCalls)
        {
            if ((long)rip == (int)rip)
            {
                _code.CompareAddress(HostRegister.T0, rip);
            }
            else
            {
                _code.MoveAddress(HostRegister.T1, rip);
                _code.Compare(HostRegister.T0, HostRegister.T1);
            }

            _code.JumpIf(5, stubs.SearchJump(_mode.Mode));
            return start;
        }

        _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.MoveNegatedAddress(HostRegister.Rcx, rip);
        _code.Lea(HostRegister.Rcx, HostRegister.Rcx, HostRegister.T0, 0, 0);
        var test = _code.Cursor;
        _code.JumpIfRcxZero(0);
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.Jump(stubs.Leave(LeaveReason.JumpCacheMiss));
        test[1] = (byte)(_code.Cursor - (test + 2));
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        return start;
    }

    /// <summary>
    /// Where a block needs its check: loops go through a backward jump or call, or through an indirect one, and the first such of a block is one that all of them are behind
    /// or at. The check stands before it, where no flag is live if there is such a place. -1: none needed.
    /// </summary>
    private int FindInterruptCheck(out bool flagsLive)
    {
        flagsLive = false;
        var first = _kind == BlockKind.SingleStep ? -1 : FindLoopJump();
        for (var index = 0; index <= first; index++)
        {
            if (!FlagsLiveAt(index))
                return index;
        }

        flagsLive = true;
        return first < 0 ? -1 : 0;
    }

    private int FindLoopJump()
    {
        for (var index = 0; index < block.Count; index++)
        {
            ref readonly var instruction = ref block[index];
            switch (block.Form(index).Treatment)
            {
                case Treatment.Jump or Treatment.JumpConditional or Treatment.JumpOnCount or Treatment.Call when instruction.NearBranchTarget <= instruction.IP:
                case Treatment.JumpIndirect or Treatment.CallIndirect or Treatment.Return:
                    return index;
            }
        }

        return -1;
    }

    private void EmitInterruptCheck(int index, bool flagsLive)
    {
        _interruptRip = block[index].IP;
        _interruptRestoresRcx = flagsLive;
        if (!flagsLive)
        {
            _code.CompareContextZero(ContextLayout.Interrupt);
            _interruptSite = _code.JumpIfForward(5);
            return;
        }

        _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.Context(HostAssembler.MoveLoad, HostRegister.Rcx, ContextLayout.Interrupt, wide: false);
        _code.JumpIfRcxZero(JumpSize);
        _interruptSite = _code.JumpForward();
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
    }

    private void EmitInterruptExit()
    {
        if (_interruptSite == null)
            return;
        _code.PatchToHere(_interruptSite);
        if (_interruptRestoresRcx)
            _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        EmitLeaveTo(LeaveReason.Interrupt, _interruptRip);
    }

    private void EmitJumpTo(ulong target) => EmitJumpTo(target, flagsAreDead: false);

    /// <summary>The jump of a CALL: no flags go with it, unless code was met that breaks the ABI.</summary>
    private void EmitCallTo(ulong target) => EmitJumpTo(target, flagsAreDead: _mode.Liveness.AreDeadAtCalls);

    private void EmitJumpTo(ulong target, bool flagsAreDead)
    {
        if (IsOwnEntry(target))
            _code.Jump(_entry);
        else if (_kind != BlockKind.SingleStep && !IsLinkable(target) && (flagsAreDead ? options.JumpCache : MayUseJumpCache(target)))
            EmitJumpThroughCache(target);
        else
            AddExit(_code.JumpForward(), target);
    }

    private void EmitConditionalJump(in Instruction instruction)
    {
        // Iced numbers conditions as the encoding does, from 1 on.
        var condition = (int)instruction.ConditionCode - (int)ConditionCode.o;
        if (IsOwnEntry(instruction.NearBranchTarget))
            _code.JumpIf(condition, _entry);
        else
            AddExit(_code.JumpIfForward(condition), instruction.NearBranchTarget);
    }

    /// <summary>LOOP, LOOPE, LOOPNE, JRCXZ: the guest's own opcode, since RCX and ZF are where it looks for them, jumps to a jump.</summary>
    private void EmitJumpOnCount(int index, in Instruction instruction)
    {
        var bytes = block.Start(index);
        if (GuestBlock.HasAddressSizePrefix(bytes, instruction.Length))
            _code.Byte(0x67);
        _code.Byte(bytes[instruction.Length - 2]);
        _code.Byte(2);
        _code.Bytes([0xeb, JumpSize]);
        AddExit(_code.JumpForward(), instruction.NearBranchTarget);
    }

    /// <summary>T0 = the target of an indirect jump or call.</summary>
    private void EmitIndirectTarget(int index, in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Memory)
        {
            ref var path = ref BeginOperandAccess(index, in instruction, Describe(in instruction, 8, write: false));
            EmitMove(HostAssembler.MoveLoad, HostRegister.T0);
            EndAccess(ref path);
            return;
        }

        var register = GuestRegister.Number(instruction.Op0Register);
        if (HostRegister.IsSpilled(register))
            _code.LoadSpilled(HostRegister.T0, register);
        else
            _code.Move(HostRegister.T0, HostRegister.Of(register));
    }

    private void EmitJumpToT0()
    {
        if (_kind == BlockKind.SingleStep)
        {
            _code.Jump(stubs.Leave(LeaveReason.Stepped));
        }
        else if (!options.JumpCache)
        {
            _code.Jump(stubs.Leave(LeaveReason.Dispatch));
        }
        else
        {
            _code.ZeroExtend16(HostRegister.T1, HostRegister.T0); // the slot
            _code.ContextTable(0xff, 4, _mode.JumpCache, wide: false); // jmp
        }
    }

    private void EmitJumpThroughCache(ulong target)
    {
        _code.MoveAddress(HostRegister.T0, target);
        _code.JumpThroughSlot(_mode.JumpCache, target);
    }

    private void EmitExitStubs()
    {
        for (var number = 0; number < _exitCount; number++)
        {
            ref var exit = ref _exits[number];
            _code.PatchToHere(exit.Site);
            if (exit.Reason == LeaveReason.Emulate)
            {
                EmitLeaveTo(LeaveReason.Emulate, exit.Target);
            }
            else if (_kind == BlockKind.SingleStep)
            {
                EmitLeaveTo(LeaveReason.Stepped, exit.Target);
            }
            else if (IsLinkable(exit.Target))
            {
                _code.MoveSite(HostRegister.T1, region.OffsetOf(exit.Site), exit.Site);
                EmitLeaveTo(LeaveReason.Link, exit.Target);
            }
            else if (MayUseJumpCache(exit.Target))
            {
                EmitJumpThroughCache(exit.Target);
            }
            else if (options.Chaining)
            {
                _code.MoveSite(HostRegister.T1, region.OffsetOf(exit.Site), exit.Site);
                EmitLeaveTo(LeaveReason.LinkFar, exit.Target);
            }
            else
            {
                EmitLeaveTo(LeaveReason.Dispatch, exit.Target);
            }
        }
    }

    private void AddExit(byte* site, ulong target, LeaveReason reason = LeaveReason.Link) =>
        _exits[_exitCount++] = new Exit { Site = site, Target = target, Reason = reason };

    /// <summary>Another block in the same slot may change flags before it finds that it isn't meant; so may not those that the target reads.</summary>
    private bool MayUseJumpCache(ulong target) => options.JumpCache && (!_mode.Liveness.AreDeadAtCalls || !_mode.Liveness.MayBeReadAt(target));

    private bool IsOwnEntry(ulong target) => target == block.Rip && _kind is BlockKind.Normal or BlockKind.Windowed;

    /// <summary>
    /// Whether a jump there may be patched. Only within the page, where the target's frame is this block's; and not to an instruction that may go on in the next page,
    /// whose frame can change without this one's.
    /// </summary>
    private bool IsLinkable(ulong target) =>
        options.Chaining && !block.Straddles && target >> 12 == block.Rip >> 12 && (target & 0xfff) <= MachineMemory.FrameSize - GuestBlock.LongestInstruction;
}
