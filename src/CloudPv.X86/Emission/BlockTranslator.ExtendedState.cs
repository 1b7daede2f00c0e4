using Iced.Intel;

namespace CloudPv.X86;

/// <summary>XSAVE and XRSTOR, of the host registers that hold the state; and what the context knows of the YMM registers.</summary>
internal sealed unsafe partial class BlockTranslator
{
    private void EmitExtendedState(int index, in Instruction instruction)
    {
        const byte ZeroExtendedByte = 0xb6;
        var restores = instruction.Mnemonic is Mnemonic.Xrstor or Mnemonic.Xrstor64;
        var wide = instruction.Mnemonic is Mnemonic.Xsave64 or Mnemonic.Xrstor64;
        if (!_x87Ensured)
            EmitX87Ensure();
        EmitOperandAddress(in instruction);
        ref var path = ref BeginAccess(index, Describe(in instruction, CpuFeatures.ExtendedStateSize, write: !restores, tentative: true));
        region.HotTraps.Add(_code.Cursor, instruction.IP);
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);

        if (restores)
            EmitHeaderCheck();

        // EDX:EAX chooses states: none but those that the guest's XCR0 has, which are the lowest.
        _code.Store(HostRegister.Rax, ContextLayout.StringRax);
        _code.Store(HostRegister.Rdx, ContextLayout.StringRdx);
        _code.StoreImmediate32(ContextLayout.StateMasked, 1);
        _code.ExtractBits(HostRegister.Rax, HostRegister.Rax, ContextLayout.Xcr0);
        _code.MoveImmediate(HostRegister.Rdx, 0);
        _code.Bytes([(byte)(wide ? 0x49 : 0x41), 0x0f, 0xae]);
        _code.Memory(restores ? 5 : 4, HostRegister.T0, HostRegister.None, 0, 0);
        _code.StoreImmediate32(ContextLayout.StateMasked, 0);
        if (restores)
        {
            _code.Bytes([0x45, 0x0f, ZeroExtendedByte]);
            _code.Memory(HostRegister.T1, HostRegister.T0, HostRegister.None, 0, ExtendedStateImage.PresentStates);
            EmitYmmRestored();
        }

        _code.Load(HostRegister.Rax, ContextLayout.StringRax);
        _code.Load(HostRegister.Rdx, ContextLayout.StringRdx);
        EndAccess(ref path);
    }

    /// <summary>What the host would restore though the guest's CPU would raise #GP, the compacted format and states that XCR0 lacks, gets an address that raises it: no multiple of 64.</summary>
    private void EmitHeaderCheck()
    {
        _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.MoveMemory(HostAssembler.MoveLoad, HostRegister.Rcx, HostRegister.T0, ExtendedStateImage.CompactedStates);
        EmitMisalignment();
        _code.MoveMemory(HostAssembler.MoveLoad, HostRegister.T1, HostRegister.T0, ExtendedStateImage.PresentStates);
        _code.ExtractBits(HostRegister.Rcx, HostRegister.T1, ContextLayout.Xcr0);
        _code.Bytes([0x48, 0xf7, 0xd1]); // not rcx, which changes no flag
        _code.Lea(HostRegister.Rcx, HostRegister.Rcx, HostRegister.T1, 0, 1);
        EmitMisalignment();
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
    }

    /// <summary>Adds 1 to T0 unless RCX is 0.</summary>
    private void EmitMisalignment()
    {
        var test = _code.Cursor;
        _code.JumpIfRcxZero(0);
        _code.Lea(HostRegister.T0, HostRegister.T0, 1);
        test[1] = (byte)(_code.Cursor - (test + 2));
    }

    /// <summary>The upper halves are in use if XRSTOR, whose mask is in RAX, has loaded them: the image's bit map is in T1.</summary>
    private void EmitYmmRestored()
    {
        _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.ExtractBits(HostRegister.Rcx, HostRegister.Rax, ContextLayout.YmmMask);
        var test = _code.Cursor;
        _code.JumpIfRcxZero(0);
        _code.ExtractBits(HostRegister.T1, HostRegister.T1, ContextLayout.YmmMask);
        _code.Context(HostAssembler.MoveStore, HostRegister.T1, ContextLayout.YmmInUse, wide: false);
        test[1] = (byte)(_code.Cursor - (test + 2));
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
    }

    /// <summary>Notes for whoever saves the registers whether the upper halves of YMM registers are all 0.</summary>
    private void EmitYmmMark(in Instruction instruction)
    {
        if (ClearsYmm(in instruction))
            return;
        _code.StoreImmediate32(ContextLayout.YmmInUse, 1);
        _ymmMarked = true;
    }

    private void EmitYmmCleared(in Instruction instruction)
    {
        if (!ClearsYmm(in instruction))
            return;
        _code.StoreImmediate32(ContextLayout.YmmInUse, 0);
        _ymmMarked = false;
    }

    private static bool ClearsYmm(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Vzeroupper or Mnemonic.Vzeroall;
}
