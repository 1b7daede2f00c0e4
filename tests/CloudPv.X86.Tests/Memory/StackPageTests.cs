using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Memory;

/// <summary>Accesses through RSP, which look in the page that the last of them used before all others.</summary>
public sealed class StackPageTests
{
    private const ulong Stack = TestGuest.DataAddress + 0x4000;

    /// <summary>Pushes RAX and pops it to RBX, again and again with a stack pointer that is RDX further each time.</summary>
    private static Cpu NewCpu(TestGuest guest, int rounds, ulong step)
    {
        guest.Load(c =>
        {
            var again = c.CreateLabel();
            c.Label(ref again);
            c.push(rax);
            c.nop();
            c.cmp(rcx, 0);
            c.pop(rbx);
            c.lea(rsp, __[rsp + rdx]);
            c.neg(rdx);
            c.dec(rcx);
            c.jne(again);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Rsp = Stack;
        cpu.State.Rax = 0x1234;
        cpu.State.Rcx = (ulong)rounds;
        cpu.State.Rdx = step;
        return cpu;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0x1000)]
    [InlineData(0x1010)]
    public void A_stack_that_moves_between_pages_stays_out_of_the_slow_path(int step)
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest, 1000, (ulong)step);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rbx.ShouldBe(0x1234ul);
        cpu.Statistics.TlbMisses.ShouldBeLessThan(10);
    }

    [Fact]
    public void A_stack_across_two_pages_is_read_and_written_whole()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest, 10, 0);
        cpu.State.Rsp = Stack + 3;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rbx.ShouldBe(0x1234ul);
        guest.Data(0x4000 / 8).ShouldBe(0ul, "its upper bytes are the value's zeros");
    }

    [Fact]
    public void A_read_only_stack_is_read_and_not_written()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var again = c.CreateLabel();
            c.Label(ref again);
            c.mov(rbx, __[rsp]);
            c.dec(rcx);
            c.jne(again);
            c.push(rax);
            c.syscall();
        });
        guest.Data(0x4000 / 8) = 77;
        guest.Map(Stack, FrameOf(guest), writable: false);
        guest.Map(Stack - 0x1000, guest.NewFrame(), writable: false);
        var cpu = guest.NewCpu();
        cpu.State.Rsp = Stack;
        cpu.State.Rcx = 1000;

        cpu.Run().Vector.ShouldBe((byte)14);

        cpu.State.Rbx.ShouldBe(77ul);
        cpu.Statistics.TlbMisses.ShouldBeLessThan(10);
    }

    [Fact]
    public void A_page_that_is_no_longer_there_after_a_flush_faults()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest, 10, 0);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        guest.Unmap(Stack - 0x1000);
        cpu.FlushTlb(Stack - 0x1000);
        cpu.State.Rip = TestGuest.CodeAddress;

        cpu.Run().Vector.ShouldBe((byte)14);
    }

    private static unsafe ulong FrameOf(TestGuest guest) => (*guest.Entry(Stack, guest.Root) & 0x000f_ffff_ffff_f000) >> 12;
}
