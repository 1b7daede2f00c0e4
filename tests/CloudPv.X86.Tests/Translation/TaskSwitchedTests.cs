using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>CR0.TS takes blocks with FPU instructions off the jumps that lead to them: those that are there now.</summary>
public sealed class TaskSwitchedTests
{
    private const ulong FlagFunction = 0x41_0000;
    private const ulong Count = 0x42_0000;
    private const int Counted = 1000;

    /// <summary>Jumps straight to a block with an FPU instruction, from code far behind the start of the code region.</summary>
    private static void LoadFpuLoop(TestGuest guest) => guest.Load(c =>
    {
        var loop = c.CreateLabel();
        for (var i = 0; i < 400; i++)
            c.inc(rbx);
        c.mov(ecx, 3);
        c.Label(ref loop);
        c.paddd(xmm0, xmm1);
        c.dec(ecx);
        c.jne(loop);
        c.syscall();
    });

    /// <summary>Returns flags from a call, which drops all translations.</summary>
    private static void LoadFlagFunction(TestGuest guest) => guest.Load(
        c =>
        {
            var function = c.CreateLabel();
            var equal = c.CreateLabel();
            c.call(function);
            c.je(equal);
            c.ud2();
            c.Label(ref equal);
            c.syscall();
            c.Label(ref function);
            c.cmp(rsp, rsp);
            c.ret();
        },
        FlagFunction);

    private static void LoadCount(TestGuest guest) => guest.Load(
        c =>
        {
            c.xor(eax, eax);
            for (var i = 0; i < Counted; i++)
                c.inc(rax);
            c.syscall();
        },
        Count);

    [Fact]
    public void Setting_it_touches_no_code_that_was_made_after_all_was_dropped()
    {
        using var guest = new TestGuest();
        LoadFpuLoop(guest);
        LoadFlagFunction(guest);
        LoadCount(guest);
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rip = FlagFunction;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Statistics.CodeFlushes.ShouldBe(1);
        cpu.State.Rip = Count;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.TaskSwitched = true;
        cpu.State.Rip = Count;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe((ulong)Counted);
    }
}
