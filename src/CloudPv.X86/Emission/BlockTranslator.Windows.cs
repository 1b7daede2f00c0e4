using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Memory accesses through windows (<see cref="WindowSet"/>). An access is expected in the window of one slot; that it is there is checked beside it, so that it needn't
/// wait, and once for a base register that stays. Whether the page may be accessed is the host's to check: where it refuses, its signal leads to the slow path.
/// </summary>
internal sealed unsafe partial class BlockTranslator
{
    private const int NoSlot = -1;

    /// <summary>A block has fewer instructions than such steps would leave a window's room with.</summary>
    private const long LargestStep = 1 << 20;

    /// <summary>By base register: the slot in whose window it is known to point.</summary>
    private readonly int[] _slotOfBase = new int[GeneralRegisters];

    /// <summary>The slot that T1 holds what is to be added of.</summary>
    private int _slotInT1 = NoSlot;

    /// <summary>Whether the rewritten instruction in progress has left T1 alone, but for what <see cref="_slotInT1"/> says.</summary>
    private bool _keepsT1;

    /// <summary>The jumps of accesses to other windows than expected, with the registers that hold the windows' numbers.</summary>
    private readonly (nint Branch, int Scratch, int Index)[] _otherWindows = new (nint, int, int)[3 * GuestBlock.LongestBlock];
    private int _otherWindowCount;

    private void ForgetWindows()
    {
        Array.Fill(_slotOfBase, NoSlot);
        _slotInT1 = NoSlot;
    }

    /// <summary>Behind an instruction.</summary>
    private void ForgetWindows(in Instruction instruction, InstructionForm form)
    {
        if (!KeepsT1(in instruction, form))
            _slotInT1 = NoSlot;
        var copied = CopiedBase(in instruction, form);
        var slot = copied < 0 ? NoSlot : _slotOfBase[copied];
        for (var register = 0; register < GeneralRegisters; register++)
        {
            if (_slotOfBase[register] != NoSlot && MovesAway(in instruction, form, register))
                _slotOfBase[register] = NoSlot;
        }

        if (slot != NoSlot)
            _slotOfBase[GuestRegister.Number(instruction.Op0Register)] = slot;
    }

    /// <summary>The register whose value, or a place near where it points to, an instruction gives to its destination; else none.</summary>
    private static int CopiedBase(in Instruction instruction, InstructionForm form)
    {
        if (instruction.OpCount != 2 || instruction.Op0Kind != OpKind.Register || !instruction.Op0Register.IsGPR64())
            return HostRegister.None;
        if (form.Treatment == Treatment.Lea)
        {
            return instruction.MemoryIndex == Register.None && instruction.MemoryBase.IsGPR64() && (long)instruction.MemoryDisplacement64 is >= -LargestStep and <= LargestStep
                ? GuestRegister.Number(instruction.MemoryBase) : HostRegister.None;
        }

        return instruction.Mnemonic == Mnemonic.Mov && instruction.Op1Kind == OpKind.Register ? GuestRegister.Number(instruction.Op1Register) : HostRegister.None;
    }

    /// <summary>Whether a register may point out of its window's room behind an instruction.</summary>
    private static bool MovesAway(in Instruction instruction, InstructionForm form, int register) => form.Treatment switch
    {
        Treatment.Push or Treatment.Nothing or Treatment.JumpConditional => false,
        Treatment.Pop or Treatment.Lea => form.MayWrite(in instruction, register),
        Treatment.Rewrite => form.MayWrite(in instruction, register) && !IsSmallStep(in instruction, register),
        _ => true,
    };

    private static bool IsSmallStep(in Instruction instruction, int register)
    {
        if (instruction.Op0Kind != OpKind.Register || !instruction.Op0Register.IsGPR64() || GuestRegister.Number(instruction.Op0Register) != register)
            return false;
        return instruction.Mnemonic switch
        {
            Mnemonic.Inc or Mnemonic.Dec => true,
            Mnemonic.Add or Mnemonic.Sub => instruction.Op1Kind is not (OpKind.Register or OpKind.Memory) && (long)instruction.GetImmediate(1) is >= -LargestStep and <= LargestStep,
            _ => false,
        };
    }

    private bool KeepsT1(in Instruction instruction, InstructionForm form) => form.Treatment switch
    {
        Treatment.Nothing or Treatment.JumpConditional => true,
        Treatment.Lea => !IsSpilled(instruction.MemoryIndex),
        Treatment.Pop => true,
        Treatment.Push => instruction.Op0Kind == OpKind.Register,
        Treatment.Rewrite => _keepsT1,
        _ => false,
    };

    /// <summary>Begins an access to the memory operand of an instruction. The operation has to follow, at <see cref="_operand"/>, and then <see cref="EndAccess"/>.</summary>
    private ref SlowPath BeginOperandAccess(int index, in Instruction instruction, AccessDescription access, bool throughStackPointer = false)
    {
        if (_kind == BlockKind.Windowed && IsPlain(in instruction))
            return ref BeginPlainAccess(index, access, GuestRegister.Number(instruction.MemoryBase), (int)instruction.MemoryDisplacement64);
        EmitOperandAddress(in instruction);
        return ref BeginAccess(index, access, throughStackPointer);
    }

    /// <summary>From the linear address in T0.</summary>
    private ref SlowPath BeginWindowAccess(int index, AccessDescription access)
    {
        _slotInT1 = NoSlot;
        var usual = block[index].IsIPRelativeMemoryOperand && WindowRange.IsUpper(WindowRange.NumberOf(block[index].IP)) ? WindowSlots.Mapped : WindowSlots.Data;
        var slot = EmitWindowOf(index, HostRegister.T0, HostRegister.T1, SlotFor(index, usual));
        return ref AddWindowPath(index, access, new HostOperand(HostRegister.T0, HostRegister.T1, 0), slot);
    }

    /// <summary>At [base + displacement], both the guest's: windows have room in front and behind for any displacement.</summary>
    private ref SlowPath BeginPlainAccess(int index, AccessDescription access, int @base, int displacement)
    {
        var spilled = HostRegister.IsSpilled(@base);
        var host = spilled ? HostRegister.T0 : HostRegister.Of(@base);
        if (spilled)
            _code.LoadSpilled(HostRegister.T0, @base);
        var slot = _slotOfBase[@base];
        if (slot == NoSlot)
        {
            var scratch = spilled ? HostRegister.T1 : HostRegister.T0;
            if (scratch == HostRegister.T1)
                _slotInT1 = NoSlot;
            slot = EmitWindowOf(index, host, scratch, SlotFor(index, @base == HostRegister.Rsp ? WindowSlots.Stack : WindowSlots.Data));
            _slotOfBase[@base] = slot;
        }
        else
        {
            EmitDelta(slot);
        }

        ref var path = ref AddWindowPath(index, access, new HostOperand(host, HostRegister.T1, displacement), slot);
        path.PlainBase = @base;
        return ref path;
    }

    private int SlotFor(int index, int usual)
    {
        if (hints == null)
            return usual;
        var rip = block[index].IP;
        var frame = (rip ^ block.Rip) >> MachineMemory.FrameShift == 0 ? _request.Frame : _request.NextFrame;
        return hints.Find(WindowHints.Place(frame, rip), usual);
    }

    /// <summary>
    /// T1 = what leads from an address in a register to the host's. Keeps flags only where they are live. Returns the slot of the window that the address is in; negative: not
    /// known.
    /// </summary>
    private int EmitWindowOf(int index, int address, int scratch, int slot)
    {
        if (slot == NoSlot || FlagsLiveAt(index))
        {
            _code.ExtractBits(HostRegister.T1, address, ContextLayout.WindowMask);
            _code.ContextTable(HostAssembler.MoveLoad, HostRegister.T1, ContextLayout.Windows);
            _slotInT1 = NoSlot;
            return NoSlot;
        }

        _code.RotateRight64(scratch, address, WindowRange.Shift);
        _code.CompareContext16(scratch, WindowSlots.NumberAt(slot));
        _otherWindows[_otherWindowCount++] = ((nint)_code.JumpIfForward(5), scratch, index);
        EmitDelta(slot);
        return slot;
    }

    private void EmitDelta(int slot)
    {
        if (_slotInT1 != slot)
            _code.Load(HostRegister.T1, WindowSlots.DeltaAt(slot));
        _slotInT1 = slot;
    }

    private ref SlowPath AddWindowPath(int index, AccessDescription access, HostOperand operand, int slot)
    {
        ref var path = ref _slowPaths[_slowPathCount++];
        path = new SlowPath
        {
            Index = index,
            Access = access.InWindow,
            PlainBase = HostRegister.None,
            SwappedHigh = HostRegister.None,
            Displacement = operand.Displacement,
            EnsuresX87 = _x87Ensured,
            Slot = slot,
            Operation = _code.Cursor,
        };
        _operand = operand;
        _keepsT1 = slot != NoSlot;
        return ref path;
    }

    private void EmitOtherWindows()
    {
        for (var number = 0; number < _otherWindowCount; number++)
        {
            var (branch, scratch, index) = _otherWindows[number];
            _code.PatchToHere((byte*)branch);
            if (scratch != HostRegister.T1)
                _code.Move(HostRegister.T1, scratch);
            EmitLeaveTo(LeaveReason.OtherWindow, block[index].IP);
        }
    }

    /// <summary>
    /// The slow path of an access that the host refused. It has come through the run loop, which has saved what x87 state was in the FPU.
    /// </summary>
    private void EmitWindowSlowPath(in SlowPath path)
    {
        region.WindowAccesses.Add(new WindowAccess((nint)path.Operation, (nint)path.Resume, (nint)_code.Cursor, path.Slot));
        if (path.EnsuresX87)
            _code.CallContext(ContextLayout.X87Ensure);
        if (path.SwappedHigh != HostRegister.None)
            EmitSwapHighByte(path.SwappedHigh);
        EmitAddressAnew(in path);
        _code.MoveAccess(HostRegister.T1, path.Access);
        _code.Call(stubs.Resolve);
        if (path.PlainBase != HostRegister.None)
            EmitPlainOperand(in path);
        if (block.Form(path.Index).MayTrap)
            region.ColdTraps.Add(_code.Cursor, block[path.Index].IP);
        _code.Repeat(path.Operation, (int)(path.Resume - path.Operation));
        if (path.Access.Write)
            _code.Call(stubs.Commit);
        if (path.Slot != NoSlot)
            _code.Load(HostRegister.T1, WindowSlots.DeltaAt(path.Slot));
        _code.Jump(path.Resume);
    }

    /// <summary>From the host address in T0 to T1 = what the base and the displacement lack of it, and T0 the base if that is spilled.</summary>
    private void EmitPlainOperand(in SlowPath path)
    {
        var spilled = HostRegister.IsSpilled(path.PlainBase);
        _code.Lea(HostRegister.T1, HostRegister.T0, -path.Displacement);
        if (spilled)
            _code.LoadSpilled(HostRegister.T0, path.PlainBase);
        else
            _code.Move(HostRegister.T0, HostRegister.Of(path.PlainBase));
        _code.Not(HostRegister.T0);
        _code.Lea(HostRegister.T1, HostRegister.T1, HostRegister.T0, 0, 1);
        if (spilled)
            _code.Not(HostRegister.T0);
    }

    /// <summary>Whether the address is that of a base register that the host can add to. One whose bytes change places for the operation isn't.</summary>
    private static bool IsPlain(in Instruction instruction) =>
        instruction.SegmentPrefix is not (Register.FS or Register.GS) && instruction.MemoryIndex == Register.None && instruction.MemoryBase.IsGPR64()
        && (int)instruction.MemoryDisplacement64 != int.MinValue && !IsHighByte(instruction.Op0Register) && !IsHighByte(instruction.Op1Register);

    private static bool IsHighByte(Register register) => register is >= Register.AH and <= Register.BH;

    /// <summary>MOV between a 64-bit register and what is accessed.</summary>
    private void EmitMove(byte opcode, int register)
    {
        _code.Byte(0x48 | (register >> 3 << 2) | _operand.Rex);
        _code.Byte(opcode);
        _code.Memory(register, _operand.Base, _operand.Index, 0, _operand.Displacement);
    }

    /// <summary>T0 = the host address of what is accessed, and T1 free.</summary>
    private void EmitHostAddress()
    {
        _code.Lea(HostRegister.T0, _operand.Base, _operand.Index, 0, _operand.Displacement);
        _operand = new HostOperand(HostRegister.T0, HostRegister.None, 0);
        _keepsT1 = false;
    }
}
