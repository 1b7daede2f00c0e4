using Iced.Intel;

namespace CloudPv.X86;

/// <summary>MOVS, STOS and LODS. What runs backward, and the other string instructions, <see cref="Emulator"/> does.</summary>
internal sealed unsafe partial class BlockTranslator
{
    /// <summary>REP MOVS and REP STOS: T1 describes the accesses.</summary>
    private void EmitRepeatedString(in Instruction instruction)
    {
        var size = instruction.MemorySize.GetSize();
        var copies = instruction.Op1Kind != OpKind.Register;
        _code.MoveAccess(HostRegister.T1, new AccessDescription(instruction.IP, size, write: true, text: true));
        _code.Call(stubs.Text.For(_mode.Mode, copies, size));
    }

    private void EmitSingleString(int index, in Instruction instruction)
    {
        EmitDirectionCheck(index, in instruction);
        var size = instruction.MemorySize.GetSize();
        var reads = instruction.Op1Kind == OpKind.MemorySegRSI;
        var writes = instruction.Op0Kind == OpKind.MemoryESRDI;
        if (reads)
        {
            ref var source = ref BeginStringAccess(index, in instruction, HostRegister.Rsi, size, write: false);
            if (writes)
                EmitLoadZeroExtended(size);
            else
                EmitAccumulatorMove(store: false, size);
            EndAccess(ref source);
            if (writes)
                _code.Store(HostRegister.T0, ContextLayout.Scratch);
        }

        if (writes)
        {
            ref var destination = ref BeginStringAccess(index, in instruction, HostRegister.Rdi, size, write: true);
            if (reads)
                EmitStoreScratch(size);
            else
                EmitAccumulatorMove(store: true, size);
            EndAccess(ref destination);
            _code.Lea(HostRegister.Rdi, HostRegister.Rdi, size);
        }

        if (reads)
            _code.Lea(HostRegister.Rsi, HostRegister.Rsi, size);
    }

    private ref SlowPath BeginStringAccess(int index, in Instruction instruction, int pointer, int size, bool write)
    {
        _code.Move(HostRegister.T0, pointer);
        ref var path = ref BeginAccess(index, new AccessDescription(instruction.IP, size, write));
        path.Address = SlowAddress.Base;
        path.Base = pointer;
        return ref path;
    }

    /// <summary>To the emulator if DF is set.</summary>
    private void EmitDirectionCheck(int index, in Instruction instruction)
    {
        if (!FlagsLiveAt(index))
        {
            _code.CompareContextZero(ContextLayout.Direction);
            AddExit(_code.JumpIfForward(5), instruction.IP, LeaveReason.Emulate);
            return;
        }

        _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.Load(HostRegister.Rcx, ContextLayout.Direction);
        var test = _code.Cursor;
        _code.JumpIfRcxZero(0);
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        AddExit(_code.JumpForward(), instruction.IP, LeaveReason.Emulate);
        test[1] = (byte)(_code.Cursor - (test + 2));
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
    }

    /// <summary>T0 = [T0 + T1].</summary>
    private void EmitLoadZeroExtended(int size)
    {
        _code.Byte(size == 8 ? 0x4f : 0x47);
        if (size < 4)
            _code.Bytes([0x0f, (byte)(size == 1 ? 0xb6 : 0xb7)]); // movzx
        else
            _code.Byte(HostAssembler.MoveLoad);
        _code.Memory(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
    }

    /// <summary>[T0 + T1] = the scratch place.</summary>
    private void EmitStoreScratch(int size)
    {
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
        _code.Load(HostRegister.T1, ContextLayout.Scratch);
        if (size == 2)
            _code.Byte(0x66);
        _code.Byte(size == 8 ? 0x4d : 0x45);
        _code.Byte(size == 1 ? 0x88 : HostAssembler.MoveStore);
        _code.Memory(HostRegister.T1, HostRegister.T0, HostRegister.None, 0, 0);
    }
}
