namespace CloudPv.X86;

/// <summary>
/// The handlers of SIGSEGV, SIGFPE, SIGILL and SIGBUS: a few instructions of machine code in front of .NET's own. A signal in translated code resumes at a stub that
/// leaves to the run loop with the host address and the exception's vector; all others go to .NET's handler untouched. No managed code runs in signal context.
/// </summary>
internal static unsafe class TrapHandler
{
    private const int SigIll = 4;
    private const int SigBus = 7;
    private const int SigFpe = 8;
    private const int SigSegv = 11;

    // Offsets in ucontext_t of <sys/ucontext.h>: gregs start at 40, in the order r8..r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, efl, csgsfs, err, trapno.
    private const int ContextR10 = 40 + (2 * 8);
    private const int ContextR11 = 40 + (3 * 8);
    public const int ContextRip = 40 + (16 * 8);
    private const int ContextTrapNumber = 40 + (20 * 8);

    private const ulong PageSize = 4096;

    private static readonly Lock Gate = new();
    private static bool _installed;

    /// <summary>Installs the handlers, once a process.</summary>
    public static void Install()
    {
        lock (Gate)
        {
            if (_installed)
                return;
            _installed = true;
            var code = new HostAssembler { Cursor = HostSystem.MapAnonymousPages(8 * PageSize, HostSystem.ProtRead | HostSystem.ProtWrite | HostSystem.ProtExecute) };

            // Its own copy: only Leave is used, and that leans on nothing but the context.
            var stubs = new Stubs(code);
            foreach (var signal in (ReadOnlySpan<int>)[SigIll, SigBus, SigFpe, SigSegv])
                Install(code, signal, stubs.Leave(LeaveReason.Trap));
        }
    }

    private static void Install(HostAssembler code, int signal, byte* trap)
    {
        SignalAction action;
        HostSystem.ReadSignalAction(signal, &action);
        var previous = action.Handler;
        action.Handler = EmitHandler(code, trap, previous);
        HostSystem.SetSignalAction(signal, &action);
    }

    /// <summary>(rdi = signal, rsi = info, rdx = context): T0 = RIP, T1 = the exception's vector, RIP = trap, where RIP lies in the arena.</summary>
    private static byte* EmitHandler(HostAssembler code, byte* trap, void* previous)
    {
        const int Below = 2;
        const int AboveOrEqual = 3;
        var start = code.Cursor;
        code.MoveMemory(HostAssembler.MoveLoad, HostRegister.Rax, HostRegister.Rdx, ContextRip);
        code.MoveImmediate(HostRegister.Rcx, (ulong)CodeArena.Start);
        code.Compare(HostRegister.Rax, HostRegister.Rcx);
        var before = code.JumpIfForward(Below);
        code.MoveImmediate(HostRegister.Rcx, (ulong)CodeArena.End);
        code.Compare(HostRegister.Rax, HostRegister.Rcx);
        var behind = code.JumpIfForward(AboveOrEqual);
        code.MoveMemory(HostAssembler.MoveStore, HostRegister.Rax, HostRegister.Rdx, ContextR10);
        code.MoveMemory(HostAssembler.MoveLoad, HostRegister.Rcx, HostRegister.Rdx, ContextTrapNumber);
        code.MoveMemory(HostAssembler.MoveStore, HostRegister.Rcx, HostRegister.Rdx, ContextR11);
        code.MoveImmediate(HostRegister.Rcx, (ulong)trap);
        code.MoveMemory(HostAssembler.MoveStore, HostRegister.Rcx, HostRegister.Rdx, ContextRip);
        code.Return();
        code.PatchToHere(before);
        code.PatchToHere(behind);
        code.MoveImmediate(HostRegister.Rax, (ulong)previous);
        code.Bytes([0xff, 0xe0]); // jmp rax
        return start;
    }
}
