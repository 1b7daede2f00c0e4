using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>IRETQ to the same selectors, as kernels use it to synchronise their instruction stream: it needs no C#.</summary>
public sealed class InterruptReturnTests
{
    private const ulong OtherStack = TestGuest.DataAddress + 0x3000;
    private const ushort Code = 0x33, Stack = 0x2b;

    /// <summary>RCX times: an IRETQ to the instruction behind it, with RBX as RFLAGS, RDX as CS and another stack. RSI counts them; RDI shows the last flags.</summary>
    private static Cpu NewCpu(TestGuest guest, int rounds, ulong flags)
    {
        guest.Load(c =>
        {
            var again = c.CreateLabel();
            var behind = c.CreateLabel();
            c.Label(ref again);
            c.push(Stack);
            c.push(rbp);
            c.push(rbx);
            c.push(rdx);
            c.lea(rax, __[behind]);
            c.push(rax);
            c.mov(rax, rcx);
            c.iretq();
            c.ud2();
            c.Label(ref behind);
            c.pushfq();
            c.pop(rdi);
            c.cld();
            c.inc(rsi);
            c.dec(rcx);
            c.jne(again);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Cs = Code;
        cpu.State.Ss = Stack;
        cpu.State.Rcx = (ulong)rounds;
        cpu.State.Rbx = flags;
        cpu.State.Rdx = Code;
        cpu.State.Rbp = OtherStack;
        return cpu;
    }

    [Fact]
    public void It_stays_in_translated_code()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest, 1000, 0x202);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rsi.ShouldBe(1000ul);
        cpu.State.Rsp.ShouldBe(OtherStack);
        cpu.State.Rax.ShouldBe(1ul);
        cpu.Statistics.InstructionsEmulated.ShouldBeLessThan(5);
        cpu.Statistics.Dispatches.ShouldBeLessThan(50);
    }

    [Theory]
    [InlineData(0x2, 0x202)]
    [InlineData(0xcd7, 0xed7)]
    [InlineData(0x3202, 0x202)]
    public void The_flags_are_those_of_the_frame_as_far_as_CPL_3_may_set_them(int flags, int expected)
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest, 3, (ulong)flags);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rdi.ShouldBe((ulong)expected);
    }

    [Fact]
    public void Another_code_segment_is_looked_at()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest, 3, 0x202);
        cpu.State.Rdx = 0x13;

        cpu.Run().Vector.ShouldBe((byte)13);

        cpu.State.Rsi.ShouldBe(0ul);
    }
}
