using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Benchmarks;

/// <summary>The guests whose launches are measured.</summary>
internal static class LaunchGuests
{
    /// <summary>What the Debian guest prints when its shell is about to read.</summary>
    public const string Booted = "boot_done";

    /// <summary>A Debian guest that has booted, with a shell on its console.</summary>
    public const string IdleInit = $"""
        #!/bin/busybox sh
        /bin/busybox mount -t proc proc /proc
        echo {Booted}
        exec /bin/busybox sh
        """;

    private const int SchedOp = 29, EventChannelOp = 32, Poll = 3, Send = 4;
    private const int StartInfoConsoleMfn = 72, StartInfoConsolePort = 80;
    private const int Out = 1024, OutProd = 3084;

    /// <summary>The smallest kernel: prints one letter and waits for ever (SCHEDOP_poll with no ports and no timeout).</summary>
    public static byte[] AssembleTiny() => PvKernel.Assemble(c =>
    {
        Label wait = c.CreateLabel("wait");
        c.mov(rax, __[rsi + StartInfoConsoleMfn]);
        c.mov(rbx, 0xffff800000000000);
        c.mov(rbx, __[rbx + (rax * 8)]);
        c.shl(rbx, 12);
        c.mov(eax, __[rsi + StartInfoConsolePort]);
        c.mov(__[GuestCode.Arguments], eax);
        c.mov(__byte_ptr[rbx + Out], (byte)'x');
        c.mov(__dword_ptr[rbx + OutProd], 1);
        c.Call(EventChannelOp, Send, GuestCode.Arguments);
        c.mov(__qword_ptr[GuestCode.Arguments], 0);
        c.Label(ref wait);
        c.Call(SchedOp, Poll, GuestCode.Arguments);
        c.jmp(wait);
    });
}
