using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>Flags are taken to be dead at calls and returns, as the ABI has it, until code shows otherwise.</summary>
public sealed class CallFlagsTests
{
    /// <summary>A function that answers with ZF behind an access to memory, and a caller that reads it.</summary>
    private static void LoadFlagFunction(TestGuest guest, bool indirect) => guest.Load(c =>
    {
        var function = c.CreateLabel();
        var equal = c.CreateLabel();
        c.lea(rbx, __[function]);
        c.mov(rsi, (long)TestGuest.DataAddress);
        if (indirect)
            c.call(rbx);
        else
            c.call(function);
        c.je(equal);
        c.mov(eax, 1);
        c.syscall();
        c.Label(ref equal);
        c.mov(eax, 2);
        c.syscall();
        c.Label(ref function);
        c.cmp(rdi, 5);
        c.mov(rcx, __[rsi]);
        c.mov(rcx, __[rsi + 0x2000]);
        c.ret();
    });

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Flags_that_a_function_returns_arrive(bool indirect, bool equal)
    {
        using var guest = new TestGuest();
        LoadFlagFunction(guest, indirect);
        var cpu = guest.NewCpu();
        cpu.State.Rdi = equal ? 5ul : 6ul;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(equal ? 2ul : 1ul);
    }

    [Fact]
    public void Code_that_returns_flags_costs_all_translations_made_before()
    {
        using var guest = new TestGuest();
        LoadFlagFunction(guest, indirect: false);
        var cpu = guest.NewCpu();

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Statistics.CodeFlushes.ShouldBe(1);
    }

    [Fact]
    public void A_function_that_makes_a_system_call_at_once_reads_no_flags_of_its_caller()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var function = c.CreateLabel();
            c.lea(rbx, __[function]);
            c.call(rbx);
            c.call(function);
            c.ud2();
            c.Label(ref function);
            c.push(rcx);
            c.syscall();
            c.pop(rcx);
            c.ret();
        });
        var cpu = guest.NewCpu();

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Run().Vector.ShouldBe((byte)6);
        cpu.Statistics.CodeFlushes.ShouldBe(0);
    }

    [Fact]
    public void Flags_read_where_a_branch_around_a_call_leads_are_the_branchs()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var doesNotReturn = c.CreateLabel();
            var behind = c.CreateLabel();
            var equal = c.CreateLabel();
            c.cmp(rdi, 5);
            c.jbe(behind);
            c.call(doesNotReturn);
            c.Label(ref behind);
            c.je(equal);
            c.ud2();
            c.Label(ref equal);
            c.syscall();
            c.Label(ref doesNotReturn);
            c.int3();
        });
        var cpu = guest.NewCpu();
        cpu.State.Rdi = 5;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.State.Rdi = 6;
        cpu.Run().Kind.ShouldBe(CpuExitKind.SoftwareInterrupt);
        cpu.Statistics.CodeFlushes.ShouldBe(0);
    }
}
