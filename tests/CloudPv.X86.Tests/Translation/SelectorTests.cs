using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>Selectors that are read: Linux stores those of the task that it leaves at each switch.</summary>
public sealed class SelectorTests
{
    private const ushort Selector = 0x2b;
    private const ulong Old = 0x1122_3344_5566_7788;

    [Fact]
    public void Sixteen_bits_of_a_register_take_a_selector_with_nothing_emulated()
    {
        using var guest = new TestGuest();
        guest.Load(static c =>
        {
            c.mov(ax, ds);
            c.mov(r9w, ds);
            c.mov(r13w, ds);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Ds = Selector;
        cpu.State.Rax = cpu.State.R9 = cpu.State.R13 = Old;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        const ulong Expected = (Old & ~0xfffful) | Selector;
        (cpu.State.Rax, cpu.State.R9, cpu.State.R13).ShouldBe((Expected, Expected, Expected));
        cpu.Statistics.InstructionsEmulated.ShouldBe(0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Memory_takes_one_whichever_was_seen_first(bool memoryFirst)
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rbx, (long)TestGuest.DataAddress);
            if (!memoryFirst)
                c.mov(eax, ds);
            c.db(0x8c, 0x1b); // mov [rbx], ds, in the encoding that with a register is the one of 32 bits
            c.mov(edx, ds);
            c.mov(rcx, __[rbx]);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Ds = Selector;
        cpu.State.Rdx = Old;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        ((ushort)cpu.State.Rcx, cpu.State.Rdx).ShouldBe((Selector, Selector));
    }
}
