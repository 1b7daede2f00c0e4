using Iced.Intel;

namespace CloudPv.X86;

/// <summary>PUSH, POP, LEAVE and the stack's part of CALL and RET.</summary>
internal sealed unsafe partial class BlockTranslator
{
    private void EmitPush(int index, in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Memory)
        {
            ref var read = ref BeginOperandAccess(index, in instruction, Describe(in instruction, 8, write: false));
            EmitMove(HostAssembler.MoveLoad, HostRegister.T0);
            EndAccess(ref read);
            _code.Store(HostRegister.T0, ContextLayout.Scratch);
            EmitPushContext(index, in instruction, ContextLayout.Scratch);
        }
        else if (instruction.Op0Kind != OpKind.Register)
        {
            EmitPushConstant(index, in instruction, instruction.GetImmediate(0));
        }
        else if (HostRegister.IsSpilled(GuestRegister.Number(instruction.Op0Register)))
        {
            EmitPushSpilled(index, in instruction, GuestRegister.Number(instruction.Op0Register));
        }
        else
        {
            ref var path = ref BeginStackAccess(index, in instruction, HostRegister.GuestRsp, -8, write: true);
            EmitMove(HostAssembler.MoveStore, HostRegister.Of(GuestRegister.Number(instruction.Op0Register)));
            EndAccess(ref path);
            _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, -8);
        }
    }

    private void EmitPushReturnAddress(int index, in Instruction instruction) => EmitPushConstant(index, in instruction, instruction.NextIP, isAddress: true);

    private void EmitPushConstant(int index, in Instruction instruction, ulong value, bool isAddress = false)
    {
        ref var path = ref BeginStackAccess(index, in instruction, HostRegister.GuestRsp, -8, write: true);
        if ((long)value == (int)value)
        {
            _code.Byte(0x48 | _operand.Rex);
            _code.Byte(0xc7); // mov qword, imm32
            _code.Memory(0, _operand.Base, _operand.Index, 0, _operand.Displacement);
            if (isAddress)
                _code.AddressSigned32(value);
            else
                _code.Int32((int)value);
        }
        else
        {
            EmitHostAddress();
            if (isAddress)
                _code.MoveAddress(HostRegister.T1, value);
            else
                _code.MoveImmediate(HostRegister.T1, value);
            _code.MoveMemory(HostAssembler.MoveStore, HostRegister.T1, HostRegister.T0, 0);
        }

        EndAccess(ref path);
        _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, -8);
    }

    private void EmitPushSpilled(int index, in Instruction instruction, int register)
    {
        ref var path = ref BeginStackAccess(index, in instruction, HostRegister.GuestRsp, -8, write: true);
        var scratch = _operand.Base == HostRegister.T0 ? HostRegister.T1 : HostRegister.T0;
        if (scratch == HostRegister.T1)
            EmitHostAddress();
        _code.LoadSpilled(scratch, register);
        EmitMove(HostAssembler.MoveStore, scratch);
        EndAccess(ref path);
        _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, -8);
    }

    private void EmitPushContext(int index, in Instruction instruction, int offset)
    {
        ref var path = ref BeginStackAccess(index, in instruction, HostRegister.GuestRsp, -8, write: true);
        EmitHostAddress();
        _code.Load(HostRegister.T1, offset);
        _code.MoveMemory(HostAssembler.MoveStore, HostRegister.T1, HostRegister.T0, 0);
        EndAccess(ref path);
        _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, -8);
    }

    private void EmitPushFlags(int index, in Instruction instruction)
    {
        _code.Call(stubs.ReadFlags);
        _slotInT1 = NoSlot;
        _code.Store(HostRegister.T0, ContextLayout.Scratch);
        EmitPushContext(index, in instruction, ContextLayout.Scratch);
    }

    private void EmitPop(int index, in Instruction instruction)
    {
        var register = GuestRegister.Number(instruction.Op0Register);
        var target = HostRegister.IsSpilled(register) ? HostRegister.T0 : HostRegister.Of(register);
        ref var path = ref BeginStackAccess(index, in instruction, HostRegister.GuestRsp, 0, write: false);
        EmitMove(HostAssembler.MoveLoad, target);
        EndAccess(ref path);
        if (target == HostRegister.T0)
            _code.StoreSpilled(HostRegister.T0, register);
        if (register != HostRegister.Rsp)
            _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, 8);
    }

    private void EmitLeave(int index, in Instruction instruction)
    {
        ref var path = ref BeginStackAccess(index, in instruction, HostRegister.Rbp, 0, write: false);
        EmitMove(HostAssembler.MoveLoad, HostRegister.T1);
        EndAccess(ref path);
        _code.Lea(HostRegister.GuestRsp, HostRegister.Rbp, 8);
        _code.Move(HostRegister.Rbp, HostRegister.T1);
    }

    private void EmitReturn(int index, in Instruction instruction)
    {
        ref var path = ref BeginStackAccess(index, in instruction, HostRegister.GuestRsp, 0, write: false);
        EmitMove(HostAssembler.MoveLoad, HostRegister.T0);
        EndAccess(ref path);
        _code.Lea(HostRegister.GuestRsp, HostRegister.GuestRsp, 8 + (instruction.OpCount > 0 ? instruction.Immediate16 : 0));
        EmitJumpToT0();
    }

    private void EmitGroupedPush(in Instruction instruction, InstructionForm form)
    {
        _groupMoved -= 8;
        _pendingMove -= 8;
        var displacement = _groupMoved - _group.Lowest;
        if (form.Treatment == Treatment.Push)
        {
            _code.MoveMemory(HostAssembler.MoveStore, HostRegister.Of(GuestRegister.Number(instruction.Op0Register)), HostRegister.T0, displacement);
            return;
        }

        _code.Bytes([0x49, 0xc7]); // mov qword [r10+displacement], imm32
        _code.Memory(0, HostRegister.T0, HostRegister.None, 0, displacement);
        _code.AddressSigned32(instruction.NextIP);
        FlushStackPointer();
        EmitCallTo(instruction.NearBranchTarget);
    }

    private void EmitGroupedPop(in Instruction instruction, InstructionForm form)
    {
        var displacement = _groupMoved - _group.Lowest;
        _groupMoved += 8;
        _pendingMove += 8;
        var target = form.Treatment == Treatment.Return ? HostRegister.T0 : HostRegister.Of(GuestRegister.Number(instruction.Op0Register));
        _code.MoveMemory(HostAssembler.MoveLoad, target, HostRegister.T0, displacement);
        if (form.Treatment == Treatment.Pop)
            return;
        FlushStackPointer();
        EmitJumpToT0();
    }
}
