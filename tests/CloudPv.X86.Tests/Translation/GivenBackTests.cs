using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>A CPU that gives the memory of its translations back goes on as if nothing had been.</summary>
public sealed class GivenBackTests
{
    /// <summary>A function on a page of its own, so that direct, indirect and far jumps lead to blocks that are gone.</summary>
    private const ulong Function = TestGuest.CodeAddress + 0x1000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_code_runs_again(bool reuses)
    {
        using var guest = new TestGuest(new TranslatorOptions { TranslationReuse = reuses });
        guest.Load(EmitProgram);
        guest.Load(EmitFunction, Function);
        var cpu = guest.NewCpu();

        for (var round = 1; round <= 3; round++)
        {
            cpu.State.Rip = TestGuest.CodeAddress;
            cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
            cpu.State.Rax.ShouldBe(200ul);
            cpu.HotCode.Length.ShouldBeGreaterThan(0);

            cpu.GiveTranslationsBack();

            cpu.HotCode.Length.ShouldBe(0);
        }
    }

    [Fact]
    public void A_loop_that_was_interrupted_goes_on_where_it_was()
    {
        using var guest = new TestGuest();
        guest.Load(EmitProgram);
        guest.Load(EmitFunction, Function);
        var cpu = guest.NewCpu();
        cpu.State.Rip = TestGuest.CodeAddress;
        var exit = Kick(cpu);
        for (var kicks = 0; exit.Kind == CpuExitKind.Kicked; kicks++)
        {
            cpu.GiveTranslationsBack();
            exit = kicks < 10 ? Kick(cpu) : cpu.Run();
        }

        exit.Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(200ul);
    }

    private static CpuExit Kick(Cpu cpu)
    {
        cpu.Kick();
        return cpu.Run();
    }

    private static void EmitProgram(Assembler c)
    {
        var loop = c.CreateLabel();
        c.xor(eax, eax);
        c.mov(ecx, 100);
        c.Label(ref loop);
        c.call(Function);
        c.mov(edx, (int)Function);
        c.call(rdx);
        c.dec(ecx);
        c.jne(loop);
        c.syscall();
    }

    private static void EmitFunction(Assembler c)
    {
        c.inc(rax);
        c.ret();
    }
}
