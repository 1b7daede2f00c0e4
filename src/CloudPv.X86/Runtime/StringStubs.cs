namespace CloudPv.X86;

/// <summary>
/// REP MOVS and REP STOS in machine code: the part that lies in the current pages at once, by the host's own instruction, then the next pages. Called with T1 = the
/// <see cref="AccessDescription"/> of the writes; returns when RCX is 0. Between two parts RCX, RSI and RDI are the guest's, so that faults and interrupts are precise.
/// </summary>
internal sealed unsafe class StringStubs
{
    private const int Equal = 4;
    private const int NotEqual = 5;

    private readonly HostAssembler _code;
    private readonly Stubs _stubs;
    private readonly byte*[] _stubOf = new byte*[16];

    public StringStubs(HostAssembler code, Stubs stubs)
    {
        _code = code;
        _stubs = stubs;
        foreach (var mode in (ReadOnlySpan<CpuMode>)[CpuMode.Kernel, CpuMode.User])
        {
            foreach (var size in (ReadOnlySpan<int>)[1, 2, 4, 8])
            {
                _stubOf[IndexOf(mode, copies: false, size)] = Emit(mode, copies: false, size);
                _stubOf[IndexOf(mode, copies: true, size)] = Emit(mode, copies: true, size);
            }
        }
    }

    /// <summary>The stub for MOVS (<paramref name="copies"/>) or STOS of elements of 1, 2, 4 or 8 bytes.</summary>
    public byte* For(CpuMode mode, bool copies, int size) => _stubOf[IndexOf(mode, copies, size)];

    private static int IndexOf(CpuMode mode, bool copies, int size) => ((int)mode * 8) + (copies ? 4 : 0) + int.Log2(size);

    private byte* Emit(CpuMode mode, bool copies, int size)
    {
        var scale = int.Log2(size);
        var start = _code.Cursor;
        _code.Store(HostRegister.T1, ContextLayout.StringAccess);
        var again = _code.Cursor;
        _code.Store(HostRegister.Rax, ContextLayout.StringRax);
        _code.SaveFlagsInAx();
        _code.Store(HostRegister.Rax, ContextLayout.StringFlags);
        _code.Store(HostRegister.Rdx, ContextLayout.StringRdx);
        _code.Store(HostRegister.Rbx, ContextLayout.StringRbx);
        _code.CompareContextZero(ContextLayout.Direction);
        var backward = _code.JumpIfForward(NotEqual);

        var next = _code.Cursor;
        _code.Bytes([0x48, 0x85, 0xc9]); // test rcx, rcx
        var done = _code.JumpIfForward(Equal);
        _code.CompareContextZero(ContextLayout.Interrupt);
        var interrupted = _code.JumpIfForward(NotEqual);
        var noTarget = EmitLookup(HostRegister.Rdi, ContextLayout.WriteTags(mode), ContextLayout.WritePages(mode), size, HostRegister.Rdx);
        _code.MoveImmediate(HostRegister.Rax, MachineMemory.FrameSize);
        _code.Bytes([0x44, 0x29, 0xd0]); // sub eax, r10d: bytes to the page's end
        byte* noSource = null;
        if (copies)
        {
            noSource = EmitLookup(HostRegister.Rsi, ContextLayout.ReadTags(mode), ContextLayout.ReadPages(mode), size, HostRegister.Rbx);
            _code.MoveImmediate(HostRegister.T1, MachineMemory.FrameSize);
            _code.Bytes([0x45, 0x29, 0xd3]); // sub r11d, r10d
            _code.Bytes([0x44, 0x39, 0xd8]); // cmp eax, r11d
            _code.Bytes([0x41, 0x0f, 0x47, 0xc3]); // cmova eax, r11d
        }

        if (scale > 0)
        {
            _code.Bytes([0xc1, 0xe8]); // shr eax, scale: elements
            _code.Byte(scale);
        }

        _code.Bytes([0x48, 0x39, 0xc8]); // cmp rax, rcx
        _code.Bytes([0x48, 0x0f, 0x47, 0xc1]); // cmova rax, rcx
        _code.Move(HostRegister.T0, HostRegister.Rcx);
        _code.Bytes([0x49, 0x29, 0xc2]); // sub r10, rax: what is left
        _code.Store(HostRegister.T0, ContextLayout.StringRcx);
        _code.Lea(HostRegister.T0, HostRegister.Rdi, HostRegister.Rax, scale, 0);
        _code.Store(HostRegister.T0, ContextLayout.StringRdi);
        if (copies)
        {
            _code.Lea(HostRegister.T0, HostRegister.Rsi, HostRegister.Rax, scale, 0);
            _code.Store(HostRegister.T0, ContextLayout.StringRsi);
            _code.Move(HostRegister.Rsi, HostRegister.Rbx);
        }

        _code.Move(HostRegister.Rcx, HostRegister.Rax);
        _code.Move(HostRegister.Rdi, HostRegister.Rdx);
        if (!copies)
            _code.Load(HostRegister.Rax, ContextLayout.StringRax);
        EmitRepeated(copies, size);
        _code.Load(HostRegister.Rcx, ContextLayout.StringRcx);
        _code.Load(HostRegister.Rdi, ContextLayout.StringRdi);
        if (copies)
            _code.Load(HostRegister.Rsi, ContextLayout.StringRsi);
        _code.Jump(next);

        _code.PatchToHere(done);
        EmitRestore();
        _code.Return();

        _code.PatchToHere(noTarget);
        _code.Load(HostRegister.T1, ContextLayout.StringAccess);
        EmitResolve(HostRegister.Rdi, again);
        if (copies)
        {
            _code.PatchToHere(noSource);
            _code.Load(HostRegister.T1, ContextLayout.StringAccess);
            _code.Bytes([0x49, 0x0f, 0xba, 0xf3, AccessDescription.WriteBitNumber]); // btr r11, write
            EmitResolve(HostRegister.Rsi, again);
        }

        _code.PatchToHere(interrupted);
        EmitLeave(LeaveReason.Interrupt);
        _code.PatchToHere(backward);
        EmitLeave(LeaveReason.Emulate);
        return start;
    }

    /// <summary>T0 = offset in the page, target = host address. Returns the jump to take where the soft TLB lacks the page.</summary>
    private byte* EmitLookup(int address, int tags, int pages, int size, int target)
    {
        var missing = SoftTlb.EmitLookup(_code, address, tags, size);
        _code.ContextTable(HostAssembler.MoveLoad, HostRegister.T1, pages);
        _code.Lea(target, HostRegister.T0, HostRegister.T1, 0, 0);
        return missing;
    }

    private void EmitRepeated(bool copies, int size)
    {
        if (size == 2)
            _code.Byte(0x66);
        _code.Byte(0xf3);
        if (size == 8)
            _code.Byte(0x48);
        _code.Byte((copies ? 0xa4 : 0xaa) | (size == 1 ? 0 : 1));
    }

    /// <summary>With T1 = the access: has the page put into the soft TLB, and tries again. What <see cref="Stubs.Resolve"/> sees are the guest's registers.</summary>
    private void EmitResolve(int address, byte* again)
    {
        EmitRestore();
        _code.Move(HostRegister.T0, address);
        _code.Lea(HostRegister.Rsp, HostRegister.Rsp, -8);
        _code.Call(_stubs.Resolve);
        _code.Lea(HostRegister.Rsp, HostRegister.Rsp, 8);
        _code.Jump(again);
    }

    private void EmitLeave(LeaveReason reason)
    {
        _code.Load(HostRegister.T0, ContextLayout.StringAccess);
        _code.Bytes([0x49, 0xc1, 0xe2, 16]); // shl r10, 16
        _code.Bytes([0x49, 0xc1, 0xfa, 16]); // sar r10, 16: the guest's address
        EmitRestore();
        _code.Jump(_stubs.Leave(reason));
    }

    private void EmitRestore()
    {
        _code.Load(HostRegister.Rbx, ContextLayout.StringRbx);
        _code.Load(HostRegister.Rdx, ContextLayout.StringRdx);
        _code.Load(HostRegister.Rax, ContextLayout.StringFlags);
        _code.RestoreFlagsFromAx();
        _code.Load(HostRegister.Rax, ContextLayout.StringRax);
    }
}
