using Iced.Intel;

namespace CloudPv.X86;

/// <summary>LEA, bit strings in memory, and what always leaves translated code.</summary>
internal sealed unsafe partial class BlockTranslator
{
    private void EmitLea(int index, in Instruction instruction)
    {
        var destination = GuestRegister.Number(instruction.Op0Register);
        var host = HostRegister.IsSpilled(destination) ? HostRegister.T0 : HostRegister.Of(destination);
        EmitEffectiveAddress(in instruction, host, wide: instruction.Op0Register.GetSize() == 8);
        if (host == HostRegister.T0)
            _code.StoreSpilled(HostRegister.T0, destination);
    }

    /// <summary>BT, BTS, BTR and BTC: with a register as bit offset the memory operand is a bit string, of which the word that holds the bit is accessed.</summary>
    private void EmitBitString(int index, in Instruction instruction, InstructionForm form)
    {
        if (instruction.Op0Kind != OpKind.Memory)
        {
            EmitRewritten(index, in instruction, form);
            return;
        }

        var number = GuestRegister.Number(instruction.Op1Register);
        if (HostRegister.IsSpilled(number))
        {
            EmitLeaveTo(LeaveReason.Emulate, instruction.IP);
            return;
        }

        var wide = instruction.Op1Register.GetSize() == 8;
        EmitBitStringAddress(in instruction);
        ref var path = ref BeginAccess(index, Describe(in instruction, wide ? 8 : 4, form.WritesMemory));
        path.Address = SlowAddress.BitString;
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
        _code.ExtractBits(HostRegister.T1, HostRegister.Of(number), wide ? ContextLayout.BitMask64 : ContextLayout.BitMask32);
        if (instruction.HasLockPrefix)
            _code.Byte(0xf0);
        _code.Byte((wide ? 0x48 : 0x40) | 4 | 1);
        _code.Byte(0x0f);
        _code.Byte(instruction.Mnemonic switch
        {
            Mnemonic.Bt => 0xa3,
            Mnemonic.Bts => 0xab,
            Mnemonic.Btr => 0xb3,
            _ => 0xbb,
        });
        _code.Memory(HostRegister.T1, HostRegister.T0, HostRegister.None, 0, 0);
        EndAccess(ref path);
    }

    /// <summary>T0 = the address of the word that holds the bit.</summary>
    private void EmitBitStringAddress(in Instruction instruction)
    {
        var number = HostRegister.Of(GuestRegister.Number(instruction.Op1Register));
        var wide = instruction.Op1Register.GetSize() == 8;
        EmitOperandAddress(in instruction);
        _code.MoveImmediate(HostRegister.T1, wide ? 6u : 5u);
        _code.ShiftRightArithmetic(HostRegister.T1, number, HostRegister.T1, wide);
        if (!wide)
            _code.Bytes([0x4d, 0x63, 0xdb]); // movsxd r11, r11d
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, wide ? 3 : 2, 0);
    }

    /// <summary>MOV of a segment selector to a register: to 16 bits of it, or zero-extended.</summary>
    private void EmitReadSelector(in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Memory)
        {
            EmitLeaveTo(LeaveReason.Emulate, instruction.IP);
            return;
        }

        // The order of the selectors in CpuState: CS, SS, DS, ES, FS, GS.
        var place = instruction.Op1Register switch
        {
            Register.CS => 0,
            Register.SS => 1,
            Register.DS => 2,
            Register.ES => 3,
            Register.FS => 4,
            _ => 5,
        };
        var register = GuestRegister.Number(instruction.Op0Register);
        var host = HostRegister.IsSpilled(register) ? HostRegister.T0 : HostRegister.Of(register);
        var isWord = instruction.Op0Register.GetSize() == 2;
        if (isWord && host == HostRegister.T0)
            _code.LoadSpilled(HostRegister.T0, register);
        if (isWord)
            _code.Byte(0x66);
        _code.Byte(0x65);
        _code.Byte(0x40 | (host >> 3 << 2));
        _code.Bytes(isWord ? [0x8b] : [0x0f, 0xb7]); // mov r16 or movzx r32, word gs:[selector]
        _code.ContextOperand(host, ContextLayout.Selectors + (2 * place));
        if (host == HostRegister.T0)
            _code.StoreSpilled(HostRegister.T0, register);
    }

    private void EmitSystemCall(in Instruction instruction)
    {
        if (!options.SystemCallStubs || _kind == BlockKind.SingleStep)
        {
            EmitLeaveTo(LeaveReason.Syscall, instruction.NextIP);
            return;
        }

        _code.MoveAddress(HostRegister.T0, instruction.NextIP);
        _code.Jump(_mode.Mode == CpuMode.User ? stubs.Calls.SystemCall : stubs.Calls.Hypercall);
    }

    private void EmitSoftwareInterrupt(in Instruction instruction)
    {
        var vector = instruction.Mnemonic switch
        {
            Mnemonic.Int3 => 3,
            Mnemonic.Int1 => 1,
            _ => instruction.Immediate8,
        };
        _code.MoveImmediate(HostRegister.T1, (ulong)vector);
        EmitLeaveTo(LeaveReason.SoftwareInterrupt, instruction.NextIP);
    }

    /// <summary>Back to the run loop with this guest address; T1 is the argument.</summary>
    private void EmitLeaveTo(LeaveReason reason, ulong rip)
    {
        _code.MoveAddress(HostRegister.T0, rip);
        _code.Jump(stubs.Leave(reason));
    }
}
