using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Guests;

/// <summary>Prints <see cref="Greeting"/> on its console, then echoes what is typed. P powers it off, R reboots it, S suspends it, C crashes it (shutdown reason 3), T makes it
/// fault where it has no trap handler.</summary>
public static class EchoKernel
{
    public const string Greeting = "hello\n";

    private const int SchedOp = 29, EventChannelOp = 32;
    private const int StartInfoConsoleMfn = 72, StartInfoConsolePort = 80;
    private const int Out = 1024, InCons = 3072, InProd = 3076, OutProd = 3084;

    public static byte[] Assemble() => PvKernel.Assemble(c =>
    {
        Label echo = c.CreateLabel("echo"), wait = c.CreateLabel("wait"), send = c.CreateLabel("send"), notShutdown = c.CreateLabel("notShutdown"), fault = c.CreateLabel("fault");

        // rbx = the console page: its pseudo-physical frame stands in the machine-to-phys table.
        c.mov(rax, __[rsi + StartInfoConsoleMfn]);
        c.mov(rbx, 0xffff800000000000);
        c.mov(rbx, __[rbx + (rax * 8)]);
        c.shl(rbx, 12);
        c.mov(ebp, __[rsi + StartInfoConsolePort]);
        foreach (char letter in Greeting)
        {
            c.mov(dl, (byte)letter);
            c.call(send);
        }

        c.Label(ref echo);
        c.mov(ecx, __[rbx + InCons]);
        c.cmp(ecx, __[rbx + InProd]);
        c.je(wait);
        c.mov(eax, ecx);
        c.and(eax, 1023);
        c.mov(dl, __[rbx + rax]);
        c.inc(ecx);
        c.mov(__[rbx + InCons], ecx);
        foreach ((char key, uint reason) in new[] { ('P', 0u), ('R', 1u), ('S', 2u), ('C', 3u) })
        {
            Label other = c.CreateLabel($"not{key}");
            c.cmp(dl, (sbyte)key);
            c.jne(other);
            c.mov(__dword_ptr[PvKernel.Data], reason);
            c.mov(edi, 2);
            c.mov(esi, (uint)PvKernel.Data);
            c.Hypercall(SchedOp);
            c.Label(ref other);
        }
        c.cmp(dl, (sbyte)'T');
        c.je(fault);
        c.Label(ref notShutdown);
        c.call(send);
        c.jmp(echo);

        c.Label(ref wait);
        c.xor(edi, edi);
        c.Hypercall(SchedOp);
        c.jmp(echo);

        c.Label(ref fault);
        c.ud2();

        // Prints dl and kicks dom0.
        c.Label(ref send);
        c.mov(ecx, __[rbx + OutProd]);
        c.mov(eax, ecx);
        c.and(eax, 2047);
        c.mov(__[rbx + rax + Out], dl);
        c.inc(ecx);
        c.mov(__[rbx + OutProd], ecx);
        c.mov(__[PvKernel.Data], ebp);
        c.mov(edi, 4);
        c.mov(esi, (uint)PvKernel.Data);
        c.Hypercall(EventChannelOp);
        c.ret();
    });
}
