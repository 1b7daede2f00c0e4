namespace CloudPv.X86;

/// <summary>
/// The handler of SIGPROF: machine code, since no managed code may run in signal context. The timer that sent the signal names the thread's <see cref="Samples"/>; the
/// handler adds one, and has the CPU look up when the room gets scarce.
/// </summary>
internal static unsafe class SampleSignal
{
    public const int Number = 27; // SIGPROF, which .NET has no use for.

    // siginfo_t of a timer's signal.
    private const int InfoCode = 8;
    private const int InfoOverrun = 20;
    private const int InfoValue = 24;
    private const sbyte SentByTimer = -2; // SI_TIMER

    private const int Below = 2;
    private const int AboveOrEqual = 3;
    private const int Equal = 4;
    private const int NotEqual = 5;

    private static readonly Lock Gate = new();
    private static bool _installed;

    /// <summary>Installs the handler, once a process.</summary>
    public static void Install()
    {
        lock (Gate)
        {
            if (_installed)
                return;
            _installed = true;
            var code = new HostAssembler { Cursor = HostSystem.MapAnonymousPages(MachineMemory.FrameSize, HostSystem.ProtRead | HostSystem.ProtWrite | HostSystem.ProtExecute) };
            var action = SignalAction.Uninterrupted(EmitHandler(code));
            HostSystem.SetSignalAction(Number, &action);
        }
    }

    /// <summary>(edi = signal, rsi = info, rdx = context).</summary>
    private static byte* EmitHandler(HostAssembler code)
    {
        const int samples = HostRegister.Rax, index = HostRegister.Rcx, place = HostRegister.Rdi, info = HostRegister.Rsi, machine = HostRegister.Rdx, value = 8, context = 9;
        var start = code.Cursor;
        code.Bytes([0x83, 0x7e, InfoCode, unchecked((byte)SentByTimer)]); // cmp dword [rsi + InfoCode], SI_TIMER
        var another = code.JumpIfForward(NotEqual);
        code.MoveMemory(HostAssembler.MoveLoad, samples, info, InfoValue);
        code.MoveMemory(HostAssembler.MoveLoad, index, samples, Samples.CountOffset);
        code.CompareImmediate(index, Samples.Capacity);
        var full = code.JumpIfForward(AboveOrEqual);
        code.Move(place, index);
        code.Bytes([0x48, 0xc1, 0xe7, 0x05]); // shl rdi, 5: Samples.SampleSize
        code.Lea(place, samples, place, 0, Samples.Header);
        code.MoveMemory(HostAssembler.MoveLoad, value, machine, TrapHandler.ContextRip);
        code.MoveMemory(HostAssembler.MoveStore, value, place, 0);
        code.MoveMemory(HostAssembler.MoveLoad, context, samples, Samples.ContextOffset);
        code.MoveMemory(HostAssembler.MoveLoad, value, context, ContextLayout.Activity);
        code.MoveMemory(HostAssembler.MoveStore, value, place, 16);
        code.Bytes([0x49, 0xc1, 0xe8, 0x20]); // shr r8, 32: InCode
        code.MoveMemory(HostAssembler.MoveLoad, value, context, ContextLayout.Rip);
        var noCode = code.JumpIfForward(Equal);
        code.MoveMemory(HostAssembler.MoveLoad, value, context, ContextLayout.HostStack);
        code.MoveMemory(HostAssembler.MoveLoad, value, value, -8);
        code.PatchToHere(noCode);
        code.MoveMemory(HostAssembler.MoveStore, value, place, 8);
        code.Bytes([0x44, 0x8b, 0x46, InfoOverrun]); // mov r8d, [rsi + InfoOverrun]
        code.MoveMemory(HostAssembler.MoveStore, value, place, 24);
        code.Bytes([0x48, 0xff, 0x00]); // inc qword [rax]: Count
        code.CompareImmediate(index, Samples.Capacity / 2);
        var roomy = code.JumpIfForward(Below);
        code.Bytes([0xf0, 0x41, 0x83, 0x89]); // lock or dword [r9 + Interrupt], Requested
        code.Int32(ContextLayout.Interrupt);
        code.Byte(CpuMailbox.Requested);
        code.PatchToHere(another);
        code.PatchToHere(roomy);
        code.Return();
        code.PatchToHere(full);
        code.Bytes([0x48, 0xff, 0x40, Samples.LostOffset]); // inc qword [rax + LostOffset]
        code.Return();
        return start;
    }
}
