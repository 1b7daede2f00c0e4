using System.Runtime.InteropServices;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Memory accesses: the linear address, the soft TLB's check, and the slow path where it fails.</summary>
internal sealed unsafe partial class BlockTranslator
{
    /// <summary>How a slow path computes the address anew. No register has changed since the check.</summary>
    private enum SlowAddress
    {
        Operand,
        BitString,

        /// <summary>[base + displacement].</summary>
        Base,
    }

    [StructLayout(LayoutKind.Auto)]
    private struct SlowPath
    {
        public SlowAddress Address;
        public int Index;
        public int Base;
        public int Displacement;
        public AccessDescription Access;

        /// <summary>The displacement of the jump that leads here.</summary>
        public byte* Branch;

        /// <summary>The check has put RCX aside.</summary>
        public bool RestoresRcx;

        /// <summary>Where T0 and T1 are what the check makes of them, if it was of the stack page alone.</summary>
        public byte* Found;

        /// <summary>The code that accesses memory, repeated in the slow path; none for a group, which goes on behind its check.</summary>
        public byte* Operation;
        public byte* Resume;

        /// <summary>The guest register that is the operation's base by itself, in a window; else none.</summary>
        public int PlainBase;

        /// <summary>Of an operation in a window, the register of which it has exchanged the low two bytes when it accesses memory; else none.</summary>
        public int SwappedHigh;

        /// <summary>Of an access in a window: the slot that T1 is taken from behind it; else none.</summary>
        public int Slot;

        /// <summary>Whether the code behind an access in a window takes the x87 state to be in the FPU.</summary>
        public bool EnsuresX87;
    }

    private readonly SlowPath[] _slowPaths = new SlowPath[3 * GuestBlock.LongestBlock];
    private int _slowPathCount;

    /// <summary>What the access that has begun is to be made at.</summary>
    private HostOperand _operand;

    /// <summary>T0 = the linear address of the memory operand. May use T1; changes no flag.</summary>
    private void EmitOperandAddress(in Instruction instruction)
    {
        var segment = instruction.SegmentPrefix switch
        {
            Register.FS => ContextLayout.FsBase,
            Register.GS => ContextLayout.GsBase,
            _ => 0,
        };
        if (segment != 0 && instruction.MemoryIndex == Register.None && instruction.MemoryBase == Register.None && (long)instruction.MemoryDisplacement64 == (int)instruction.MemoryDisplacement64)
        {
            _code.Load(HostRegister.T0, segment);
            if (instruction.MemoryDisplacement64 != 0)
                _code.Lea(HostRegister.T0, HostRegister.T0, (int)instruction.MemoryDisplacement64);
            return;
        }

        EmitEffectiveAddress(in instruction, HostRegister.T0);
        if (segment == 0)
            return;
        _code.Load(HostRegister.T1, segment);
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
    }

    /// <summary>The effective address, without segment base, or its lower half. May use T0 and T1 where registers are spilled; changes no flag.</summary>
    private void EmitEffectiveAddress(in Instruction instruction, int destination, bool wide = true)
    {
        var displacementAlone = wide ? instruction.MemoryDisplacement64 : (uint)instruction.MemoryDisplacement64;
        if (instruction.MemoryBase is Register.RIP or Register.EIP)
        {
            if (displacementAlone <= uint.MaxValue && (!wide || instruction.MemoryBase == Register.EIP))
                _code.MoveAddressLow32(destination, (uint)displacementAlone);
            else
                _code.MoveAddress(destination, displacementAlone);
            return;
        }

        var @base = EmitAddressRegister(instruction.MemoryBase, HostRegister.T0);
        var index = EmitAddressRegister(instruction.MemoryIndex, HostRegister.T1);
        wide &= !(instruction.MemoryBase.IsGPR32() || instruction.MemoryIndex.IsGPR32());
        if (@base < 0 && index < 0)
        {
            // With an address-size prefix Iced gives the displacement zero-extended, else sign-extended or (MOV with a 64-bit offset) in full.
            _code.MoveImmediate(destination, displacementAlone);
            return;
        }

        var displacement = (int)instruction.MemoryDisplacement64;
        if (index < 0 && displacement == 0 && wide)
        {
            if (@base != destination)
                _code.Move(destination, @base);
            return;
        }

        _code.Lea(destination, @base, index, int.Log2(instruction.MemoryIndexScale), displacement, wide);
    }

    private int EmitAddressRegister(Register register, int temporary)
    {
        var number = GuestRegister.Number(register);
        if (number < 0)
            return HostRegister.None;
        if (!HostRegister.IsSpilled(number))
            return HostRegister.Of(number);
        _code.LoadSpilled(temporary, number);
        return temporary;
    }

    private AccessDescription Describe(in Instruction instruction, int size, bool write, bool tentative = false) =>
        new(instruction.IP, size, write, group: tentative, locked: instruction.HasLockPrefix || (instruction.Mnemonic == Mnemonic.Xchg && write),
            stack: instruction.SegmentPrefix is Register.None or Register.SS && GuestRegister.Number(instruction.MemoryBase) is HostRegister.Rsp or HostRegister.Rbp);

    /// <summary>
    /// From the linear address in T0 to T0 = offset in its page and T1 = the page's host address, or off to a slow path. Keeps flags only where they are live.
    /// The operation has to follow, at <see cref="_operand"/>, and then <see cref="EndAccess"/>.
    /// </summary>
    private ref SlowPath BeginAccess(int index, AccessDescription access, bool throughStackPointer = false)
    {
        if (_kind == BlockKind.Windowed)
            return ref BeginWindowAccess(index, access);
        _operand = new HostOperand(HostRegister.T0, HostRegister.T1, 0);
        ref var path = ref _slowPaths[_slowPathCount++];
        path = new SlowPath { Index = index, Access = access };
        if (throughStackPointer && options.StackPage && _kind == BlockKind.Normal && access.Size <= StackPage.WidestGroup && !FlagsLiveAt(index))
        {
            _code.Context(0x03, HostRegister.T0, _mode.StackPage + StackPage.TagOffset, wide: true); // add
            _code.Context(0x3b, HostRegister.T0, _mode.StackPage + (access.Size <= 8 ? StackPage.LimitOffset : StackPage.GroupLimitOffset), wide: true); // cmp
            path.Branch = _code.JumpIfForward(3); // jae
            _code.Load(HostRegister.T1, _mode.StackPage + StackPage.PageOffset);
            path.Found = _code.Cursor;
            path.Operation = _code.Cursor;
            return ref path;
        }

        var tags = access.Write ? _mode.WriteTags : _mode.ReadTags;
        if (!FlagsLiveAt(index))
        {
            _code.RotateRight32(HostRegister.T1, HostRegister.T0, MachineMemory.FrameShift);
            _code.And32(HostRegister.T1, ContextLayout.TlbEntries - 1);
            _code.ContextTable(0x03, HostRegister.T0, tags); // add
            _code.CompareImmediate(HostRegister.T0, MachineMemory.FrameSize - access.Size);
            path.Branch = _code.JumpIfForward(7); // ja
        }
        else
        {
            _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
            _code.ExtractBits(HostRegister.T1, HostRegister.T0, ContextLayout.TlbMask);
            _code.ContextTable(HostAssembler.MoveLoad, HostRegister.Rcx, tags);
            _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.Rcx, 0, 0);
            _code.Lea(HostRegister.Rcx, HostRegister.T0, access.Size - 1);
            _code.ExtractBits(HostRegister.Rcx, HostRegister.Rcx, ContextLayout.PageMask);
            _code.JumpIfRcxZero(JumpSize);
            path.Branch = _code.JumpForward();
            path.RestoresRcx = true;
            _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        }

        _code.ContextTable(HostAssembler.MoveLoad, HostRegister.T1, access.Write ? _mode.WritePages : _mode.ReadPages);
        path.Operation = _code.Cursor;
        return ref path;
    }

    private void EndAccess(ref SlowPath path) => path.Resume = _code.Cursor;

    /// <summary>The same for a stack access: [base + displacement].</summary>
    private ref SlowPath BeginStackAccess(int index, in Instruction instruction, int @base, int displacement, bool write)
    {
        var access = new AccessDescription(instruction.IP, 8, write, stack: true);
        if (_kind == BlockKind.Windowed)
        {
            ref var plain = ref BeginPlainAccess(index, access, @base == HostRegister.GuestRsp ? HostRegister.Rsp : @base, displacement);
            plain.Address = SlowAddress.Base;
            plain.Base = @base;
            return ref plain;
        }

        if (displacement == 0)
            _code.Move(HostRegister.T0, @base);
        else
            _code.Lea(HostRegister.T0, @base, displacement);
        ref var path = ref BeginAccess(index, access, @base == HostRegister.GuestRsp);
        path.Address = SlowAddress.Base;
        path.Base = @base;
        path.Displacement = displacement;
        return ref path;
    }

    /// <summary>T0 = the host address of a group's lowest byte; without the check, which leaves it so.</summary>
    private void BeginGroup(AccessGroup group)
    {
        _inGroup = true;
        _group = group;
        _groupMoved = 0;
    }

    private void EmitGroupCheck(int index, AccessGroup group)
    {
        BeginGroup(group);
        var @base = HostRegister.Of(group.Base);
        _code.Lea(HostRegister.T0, @base, group.Lowest);
        ref var path = ref BeginAccess(index, new AccessDescription(block[index].IP, group.Size, group.Write, group: true), group.Base == HostRegister.Rsp);
        path.Address = SlowAddress.Base;
        path.Base = @base;
        path.Displacement = group.Lowest;
        path.Operation = null;
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
        path.Resume = _code.Cursor;
    }

    private void EmitSlowPaths()
    {
        for (var number = 0; number < _slowPathCount; number++)
        {
            ref var path = ref _slowPaths[number];
            if (path.Branch == null)
            {
                EmitWindowSlowPath(in path);
                continue;
            }

            _code.PatchToHere(path.Branch);
            if (path.RestoresRcx)
                _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
            EmitAddressAnew(in path);
            if (path.Found != null)
                EmitStackPageSearch(in path);

            var crossing = path.Access.Group && !path.RestoresRcx && options.Chaining ? EmitCrossingCheck(path.Access.Size) : null;
            _code.MoveAccess(HostRegister.T1, path.Access);
            _code.Call(stubs.Resolve);
            if (path.Operation != null)
            {
                if (block.Form(path.Index).MayTrap)
                    region.ColdTraps.Add(_code.Cursor, block[path.Index].IP);
                _code.Repeat(path.Operation, (int)(path.Resume - path.Operation));
                if (path.Access.Write)
                    _code.Call(stubs.Commit);
            }

            _code.Jump(path.Resume);
            if (crossing == null)
                continue;
            _code.PatchToHere(crossing);
            _code.MoveSite(HostRegister.T1, region.OffsetOf(crossing), crossing);
            EmitLeaveTo(LeaveReason.LinkUngrouped, path.Access.Rip);
        }
    }

    private void EmitAddressAnew(in SlowPath path)
    {
        switch (path.Address)
        {
            case SlowAddress.Base:
                _code.Lea(HostRegister.T0, path.Base, path.Displacement);
                break;
            case SlowAddress.BitString:
                EmitBitStringAddress(in block[path.Index]);
                break;
            default:
                EmitOperandAddress(in block[path.Index]);
                break;
        }
    }

    /// <summary>Another page than the last: the soft TLB may have it.</summary>
    private void EmitStackPageSearch(in SlowPath path)
    {
        _code.Call(stubs.FindStackPage(_mode.Mode, path.Access.Write));
        var missing = _code.JumpIfForward(2); // jc
        _code.CompareImmediate(HostRegister.T0, MachineMemory.FrameSize - path.Access.Size);
        _code.JumpIf(6, path.Found); // jbe
        _code.PatchToHere(missing);
        EmitAddressAnew(in path);
    }

    /// <summary>A group across two pages, as pointers that walk through memory meet again and again, goes straight to the ungrouped translation: a jump to be patched.</summary>
    private byte* EmitCrossingCheck(int size)
    {
        _code.Bytes([0x45, 0x89, 0xd3]); // mov r11d, r10d
        _code.And32(HostRegister.T1, MachineMemory.FrameSize - 1);
        _code.CompareImmediate(HostRegister.T1, MachineMemory.FrameSize - size);
        return _code.JumpIfForward(7); // ja
    }
}
