using System.Runtime.Intrinsics.X86;

namespace CloudPv.X86;

/// <summary>
/// The machine code that every block leans on: entering and leaving translated code, and calling C# from the middle of it. One copy stands at the start of each
/// CPU's code region, within reach of its blocks.
/// </summary>
internal sealed unsafe class Stubs
{
    /// <summary>Host registers that hold guest registers and that the C ABI lets a callee change.</summary>
    private static readonly int[] CallerSaved = [0, 1, 2, 6, 7, 8];

    private const int AboveOrEqual = 3;

    /// <summary>Room for the spilled registers, and with what is above it a multiple of 16.</summary>
    private const byte FrameSize = (8 * HostRegister.SpilledCount) + 16;

    private static readonly int[] CalleeSaved = [3, 5, 12, 13, 14, 15];

    private readonly HostAssembler _code;
    private readonly byte*[] _leave = new byte*[Enum.GetValues<LeaveReason>().Length];
    private readonly byte* _leaveSaved;
    private readonly byte*[] _findStackPage = new byte*[4];
    private readonly byte*[] _searchJump = new byte*[2];
    private readonly byte* _text;
    private readonly byte* _calls;

    // SAFETY: the caller gives an assembler with at least 16 KiB of executable space behind its cursor.
    public Stubs(HostAssembler code)
    {
        _code = code;
        X87Present = EmitX87Present();
        X87Load = EmitX87Load();
        var exit = EmitExit();
        _leaveSaved = EmitLeaveSaved(exit);
        var leave = EmitLeave();
        foreach (var reason in Enum.GetValues<LeaveReason>())
            _leave[(int)reason] = EmitLeaveFor(reason, leave);
        Resolve = EmitResolve();
        Commit = EmitCommit();
        Enter = EmitEnter();
        ReadFlags = EmitReadFlags();
        foreach (var mode in (ReadOnlySpan<CpuMode>)[CpuMode.Kernel, CpuMode.User])
        {
            _findStackPage[FindStackPageIndex(mode, write: false)] = EmitFindStackPage(mode, write: false);
            _findStackPage[FindStackPageIndex(mode, write: true)] = EmitFindStackPage(mode, write: true);
            _searchJump[(int)mode] = EmitSearchJump(mode);
        }

        _text = code.Cursor;
        Text = new StringStubs(code, this);
        _calls = code.Cursor;
        Calls = new SystemCallStubs(code, this);
    }

    /// <summary>Whether the stub at a host address is one by which translated code is entered or left.</summary>
    public bool IsSwitch(nint host) => host < (nint)Resolve || (host >= (nint)Enter && host < (nint)ReadFlags);

    /// <summary>Whether it looks for the target of a jump.</summary>
    public bool IsSearch(nint host) =>
        (host >= (nint)_searchJump[(int)CpuMode.Kernel] && host < (nint)_findStackPage[FindStackPageIndex(CpuMode.User, write: false)])
        || (host >= (nint)_searchJump[(int)CpuMode.User] && host < (nint)_text);

    /// <summary>Whether it is a repeated string instruction.</summary>
    public bool IsText(nint host) => host >= (nint)_text && host < (nint)_calls;

    /// <summary>Whether it is a system call or a return from one.</summary>
    public bool IsCall(nint host) => host >= (nint)_calls;

    /// <summary>Runs translated code: (context, host address) → why it left.</summary>
    public delegate* unmanaged<CpuContext*, byte*, LeaveReason> Enter { get; }

    /// <summary>Finds the host address of T0 (linear): T1 is the <see cref="AccessDescription"/>. Returns with T1 = 0 and all else as it was, or doesn't return.</summary>
    public byte* Resolve { get; }

    /// <summary>Called behind a write whose address <see cref="Resolve"/> gave.</summary>
    public byte* Commit { get; }

    /// <summary>What the context's X87Ensure points to while the guest's x87 state is in the FPU.</summary>
    public byte* X87Present { get; }

    /// <summary>What it points to else: loads the state.</summary>
    public byte* X87Load { get; }

    /// <summary>T0 = RFLAGS as the guest sees it. Uses T1 and what the string stubs put RAX and flags aside in; changes no flag.</summary>
    public byte* ReadFlags { get; }

    /// <summary>The repeated string instructions.</summary>
    public StringStubs Text { get; }

    /// <summary>SYSCALL through the gate.</summary>
    public SystemCallStubs Calls { get; }

    /// <summary>
    /// Makes the page of T0 (linear) the mode's <see cref="StackPage"/>, if it may be written. Returns with T0 = offset in the page and T1 = its host address, or with CF set:
    /// the soft TLB lacks it.
    /// </summary>
    public byte* FindStackPage(CpuMode mode, bool write) => _findStackPage[FindStackPageIndex(mode, write)];

    /// <summary>Where a jump that carries no flags goes with T0 = the guest's next instruction, if the jump cache lacks it.</summary>
    public byte* SearchJump(CpuMode mode) => _searchJump[(int)mode];

    /// <summary>Where to jump with T0 = the guest's next instruction and T1 = the argument.</summary>
    public byte* Leave(LeaveReason reason) => _leave[(int)reason];

    private delegate* unmanaged<CpuContext*, byte*, LeaveReason> EmitEnter()
    {
        var start = _code.Cursor;
        _code.Bytes([0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57]); // push rbx, rbp, r12..r15
        _code.Bytes([0x48, 0x83, 0xec, FrameSize]); // sub rsp
        if (HostSystem.HasFsGsBase)
            _code.Bytes([0xf3, 0x48, 0x0f, 0xae, 0xdf]); // wrgsbase rdi
        _code.Store(HostRegister.Rsp, ContextLayout.HostStack);
        _code.Store(HostRegister.Rsi, ContextLayout.Entry);
        ClearUpperHalves();
        Mxcsr(load: true, ContextLayout.Mxcsr);
        MoveAllXmm(load: true);
        MoveUpperHalves(load: true);
        LoadFlags();
        for (var spilled = HostRegister.FirstSpilled; spilled < HostRegister.FirstSpilled + HostRegister.SpilledCount; spilled++)
        {
            _code.Load(HostRegister.T0, ContextLayout.Register(spilled));
            _code.StoreSpilled(HostRegister.T0, spilled);
        }

        foreach (var register in CallerSaved)
            _code.Load(register, ContextLayout.Register(register));
        foreach (var register in CalleeSaved)
            _code.Load(register, ContextLayout.Register(register));
        _code.Load(HostRegister.GuestRsp, ContextLayout.Register(HostRegister.Rsp));
        _code.JumpContext(ContextLayout.Entry);
        return (delegate* unmanaged<CpuContext*, byte*, LeaveReason>)start;
    }

    private byte* EmitExit()
    {
        var start = _code.Cursor;
        _code.Load(HostRegister.Rsp, ContextLayout.HostStack);
        _code.Bytes([0x48, 0x83, 0xc4, FrameSize]); // add rsp
        _code.Bytes([0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b]); // pop r15..r12, rbp, rbx
        _code.Context(HostAssembler.MoveLoad, HostRegister.Rax, ContextLayout.Reason, wide: false);
        _code.Return();
        return start;
    }

    /// <summary>Everything but the caller-saved registers, guest RSP, flags and XMM registers is still to be stored.</summary>
    private byte* EmitLeaveSaved(byte* exit)
    {
        var start = _code.Cursor;
        foreach (var register in CalleeSaved)
            _code.Store(register, ContextLayout.Register(register));
        _code.CompareContextZero(ContextLayout.X87Loaded);
        var withX87 = _code.JumpIfForward(5);
        _code.Jump(exit);

        // The XMM part of the image is stored again where that has been done: it is the same.
        _code.PatchToHere(withX87);
        MoveAllXmm(load: true);
        Mxcsr(load: true, ContextLayout.Mxcsr);
        FxState(restore: false);
        _code.Bytes([0xdb, 0xe3]); // fninit
        Mxcsr(load: true, ContextLayout.HostMxcsr);
        _code.StoreImmediate32(ContextLayout.X87Loaded, 0);
        _code.MoveImmediate(HostRegister.T1, (ulong)X87Load);
        _code.Store(HostRegister.T1, ContextLayout.X87Ensure);
        _code.Jump(exit);
        return start;
    }

    private byte* EmitLeave()
    {
        var start = _code.Cursor;
        SaveCallerSaved();
        _code.Jump(_leaveSaved);
        return start;
    }

    private byte* EmitLeaveFor(LeaveReason reason, byte* leave)
    {
        var start = _code.Cursor;
        _code.Store(HostRegister.T0, ContextLayout.Rip);
        _code.Store(HostRegister.T1, ContextLayout.Argument);
        _code.StoreImmediate32(ContextLayout.Reason, (int)reason);
        _code.Jump(leave);
        return start;
    }

    private byte* EmitResolve()
    {
        var start = _code.Cursor;
        SaveCallerSaved();
        CallManaged(ContextLayout.Resolve);
        _code.Bytes([0x48, 0x85, 0xc0]); // test rax, rax
        var refused = _code.JumpIfForward(4);
        _code.Move(HostRegister.T0, HostRegister.Rax);
        RestoreCallerSaved();
        _code.MoveImmediate(HostRegister.T1, 0);
        _code.Return();
        _code.PatchToHere(refused);
        _code.Jump(_leaveSaved);
        return start;
    }

    private byte* EmitCommit()
    {
        var start = _code.Cursor;
        _code.Store(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.Load(HostRegister.Rcx, ContextLayout.CommitNeeded);
        _code.JumpIfRcxZero(5);
        var needed = _code.JumpForward();
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        _code.Return();
        _code.PatchToHere(needed);
        _code.Load(HostRegister.Rcx, ContextLayout.ScratchRcx);
        SaveCallerSaved();
        CallManaged(ContextLayout.Commit);
        RestoreCallerSaved();
        _code.Return();
        return start;
    }

    private byte* EmitX87Present()
    {
        var start = _code.Cursor;
        _code.Return();
        return start;
    }

    private byte* EmitX87Load()
    {
        var start = _code.Cursor;
        MoveAllXmm(load: false);
        Mxcsr(load: false, ContextLayout.Mxcsr);
        FxState(restore: true);
        _code.StoreImmediate32(ContextLayout.X87Loaded, 1);
        _code.MoveImmediate(HostRegister.T1, (ulong)X87Present);
        _code.Store(HostRegister.T1, ContextLayout.X87Ensure);
        _code.Return();
        return start;
    }

    private byte* EmitReadFlags()
    {
        const int OverflowToItsBit = 21;
        var start = _code.Cursor;
        _code.Store(HostRegister.Rax, ContextLayout.StringRax);
        _code.SaveFlagsInAx();
        _code.Store(HostRegister.Rax, ContextLayout.StringFlags);
        LoadByte(HostRegister.T1, ContextLayout.StringFlags);
        _code.RotateRight32(HostRegister.T1, HostRegister.T1, OverflowToItsBit);
        LoadByte(HostRegister.T0, ContextLayout.StringFlags + 1);
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
        _code.Load(HostRegister.T1, ContextLayout.Direction);
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
        _code.Load(HostRegister.T1, ContextLayout.OtherFlags);
        _code.Lea(HostRegister.T0, HostRegister.T0, HostRegister.T1, 0, 0);
        _code.RestoreFlagsFromAx();
        _code.Load(HostRegister.Rax, ContextLayout.StringRax);
        _code.Return();
        return start;
    }

    private byte* EmitSearchJump(CpuMode mode)
    {
        var start = _code.Cursor;
        var missing = EntryCache.EmitSearch(_code, ContextLayout.LostJumps(mode), ContextLayout.LostJumpEntries);
        _code.Bytes([0x41, 0xff, 0xe3]); // jmp r11
        _code.PatchToHere(missing);
        _code.Jump(Leave(LeaveReason.JumpCacheMiss));
        return start;
    }

    private static int FindStackPageIndex(CpuMode mode, bool write) => ((int)mode * 2) + (write ? 1 : 0);

    private byte* EmitFindStackPage(CpuMode mode, bool write)
    {
        var place = ContextLayout.StackPage(mode);
        var start = _code.Cursor;
        _code.Store(HostRegister.Rax, ContextLayout.StringRax);
        _code.RotateRight32(HostRegister.T1, HostRegister.T0, MachineMemory.FrameShift);
        _code.And32(HostRegister.T1, ContextLayout.TlbEntries - 1);
        _code.ContextTable(HostAssembler.MoveLoad, HostRegister.Rax, ContextLayout.WriteTags(mode));
        _code.Bytes([0x49, 0x01, 0xc2]); // add r10, rax
        _code.CompareImmediate(HostRegister.T0, MachineMemory.FrameSize);
        var missing = _code.JumpIfForward(AboveOrEqual);
        _code.Store(HostRegister.Rax, place + StackPage.TagOffset);
        _code.ContextTable(HostAssembler.MoveLoad, HostRegister.T1, ContextLayout.WritePages(mode));
        _code.Store(HostRegister.T1, place + StackPage.PageOffset);
        _code.StoreImmediate64(place + StackPage.LimitOffset, StackPage.Limit);
        _code.StoreImmediate64(place + StackPage.GroupLimitOffset, StackPage.GroupLimit);
        EmitFound(found: true);
        _code.PatchToHere(missing);
        if (!write)
        {
            _code.Bytes([0x49, 0x29, 0xc2]); // sub r10, rax
            _code.ContextTable(0x03, HostRegister.T0, ContextLayout.ReadTags(mode)); // add
            _code.CompareImmediate(HostRegister.T0, MachineMemory.FrameSize);
            var missingToo = _code.JumpIfForward(AboveOrEqual);
            _code.ContextTable(HostAssembler.MoveLoad, HostRegister.T1, ContextLayout.ReadPages(mode));
            EmitFound(found: true);
            _code.PatchToHere(missingToo);
        }

        EmitFound(found: false);
        return start;
    }

    /// <summary>Returns with CF clear or set, and RAX as it was.</summary>
    private void EmitFound(bool found)
    {
        _code.Load(HostRegister.Rax, ContextLayout.StringRax);
        _code.Byte(found ? 0xf8 : 0xf9); // clc, stc
        _code.Return();
    }

    /// <summary>MOVZX r32, byte gs:[offset].</summary>
    private void LoadByte(int register, int offset)
    {
        _code.Bytes([0x65, 0x44, 0x0f, 0xb6]);
        _code.ContextOperand(register, offset);
    }

    private void SaveCallerSaved()
    {
        foreach (var register in CallerSaved)
            _code.Store(register, ContextLayout.Register(register));
        _code.Store(HostRegister.GuestRsp, ContextLayout.Register(HostRegister.Rsp));
        _code.SaveFlagsInAx();
        _code.Store(HostRegister.Rax, ContextLayout.ArithmeticFlags);
        _code.Load(HostRegister.Rax, ContextLayout.HostStack);
        for (var spilled = HostRegister.FirstSpilled; spilled < HostRegister.FirstSpilled + HostRegister.SpilledCount; spilled++)
        {
            _code.MoveMemory(HostAssembler.MoveLoad, HostRegister.Rcx, HostRegister.Rax, HostRegister.SpillPlace(spilled));
            _code.Store(HostRegister.Rcx, ContextLayout.Register(spilled));
        }

        MoveAllXmm(load: false);
        MoveUpperHalves(load: false);
        Mxcsr(load: false, ContextLayout.Mxcsr);
        Mxcsr(load: true, ContextLayout.HostMxcsr);
    }

    private void RestoreCallerSaved()
    {
        ClearUpperHalves();
        Mxcsr(load: true, ContextLayout.Mxcsr);
        MoveAllXmm(load: true);
        MoveUpperHalves(load: true);
        LoadFlags();
        foreach (var register in CallerSaved)
            _code.Load(register, ContextLayout.Register(register));
        _code.Load(HostRegister.GuestRsp, ContextLayout.Register(HostRegister.Rsp));
    }

    /// <summary>Calls (context, T0, T1) through the context. The stub itself was called, so 8 bytes align the stack.</summary>
    private void CallManaged(int function)
    {
        _code.Load(HostRegister.Rdi, ContextLayout.Self);
        _code.Move(HostRegister.Rsi, HostRegister.T0);
        _code.Move(HostRegister.Rdx, HostRegister.T1);
        _code.Lea(HostRegister.Rsp, HostRegister.Rsp, -8);
        _code.CallContext(function);
        _code.Lea(HostRegister.Rsp, HostRegister.Rsp, 8);
    }

    private void LoadFlags()
    {
        _code.Load(HostRegister.Rax, ContextLayout.ArithmeticFlags);
        _code.RestoreFlagsFromAx();
    }

    private void MoveAllXmm(bool load)
    {
        for (var xmm = 0; xmm < 16; xmm++)
            _code.MoveXmm(load ? (byte)0x28 : (byte)0x29, xmm, ContextLayout.Xmm + (16 * xmm));
    }

    /// <summary>The upper halves of the YMM registers, if the guest has them in use; else they are 0 in the registers too. Changes flags.</summary>
    private void MoveUpperHalves(bool load)
    {
        if (!Avx.IsSupported)
            return;
        _code.CompareContextZero(ContextLayout.YmmInUse);
        var unused = _code.JumpIfForward(4);
        for (var ymm = 0; ymm < 16; ymm++)
            _code.MoveUpperHalf(load, ymm, ContextLayout.Ymm + (16 * ymm));
        if (!load)
            ClearUpperHalves();
        _code.PatchToHere(unused);
    }

    /// <summary>LDMXCSR or STMXCSR gs:[offset].</summary>
    private void Mxcsr(bool load, int offset)
    {
        _code.Bytes([0x65, 0x0f, 0xae]);
        _code.ContextOperand(load ? 2 : 3, offset);
    }

    /// <summary>FXRSTOR64 or FXSAVE64 of the context's image.</summary>
    private void FxState(bool restore)
    {
        _code.Bytes([0x65, 0x48, 0x0f, 0xae]);
        _code.ContextOperand(restore ? 1 : 0, ContextLayout.Fx);
    }

    /// <summary>VZEROUPPER: what C# left in the upper halves would be the guest's; what the guest left there would slow SSE code down.</summary>
    private void ClearUpperHalves()
    {
        if (Avx.IsSupported)
            _code.Bytes([0xc5, 0xf8, 0x77]);
    }
}
