using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>One memory check for accesses through one base register that others stand between.</summary>
public sealed class SharedCheckTests
{
    private const ulong Other = TestGuest.DataAddress + 0x2000;
    private const ulong Dirty = 1 << 6;

    [Fact]
    public void Accesses_with_others_between_them_go_where_they_should()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rax, __[rbx + 8]);
            c.mov(__[rsi], rax);
            c.mov(rcx, __[rbx + 0x40]);
            c.mov(__[rsi + 8], rcx);
            c.add(__[rbx], rcx);
            c.syscall();
        });
        var cpu = NewCpu(guest);
        (guest.Data(0), guest.Data(1), guest.Data(8)) = (1, 2, 3);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        guest.Data(0).ShouldBe(4ul);
        guest.Data(0x400).ShouldBe(2ul);
        guest.Data(0x401).ShouldBe(3ul);
    }

    [Fact]
    public void A_base_that_is_written_is_checked_anew()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rax, __[rbx]);
            c.mov(rcx, __[rsi]);
            c.mov(rdx, __[rbx + 8]);
            c.lea(rbx, __[rsi + 0x10]);
            c.mov(rdi, __[rbx]);
            c.mov(rbp, __[rsi + 8]);
            c.mov(r8, __[rbx + 8]);
            c.syscall();
        });
        var cpu = NewCpu(guest);
        (guest.Data(0), guest.Data(1), guest.Data(0x402), guest.Data(0x403)) = (1, 2, 3, 4);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        (cpu.State.Rax, cpu.State.Rdx, cpu.State.Rdi, cpu.State.R8).ShouldBe((1ul, 2ul, 3ul, 4ul));
    }

    [Fact]
    public void A_base_that_a_string_instruction_moves_is_checked_anew()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rax, __[rsi]);
            c.mov(rcx, __[rbx]);
            c.mov(rdx, __[rsi + 8]);
            c.lodsq();
            c.mov(rdx, __[rsi]);
            c.syscall();
        });
        var cpu = NewCpu(guest);
        cpu.State.Rsi = TestGuest.DataAddress + 0x1000;
        (guest.Data(0x200), guest.Data(0x201)) = (1, 2);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rdx.ShouldBe(2ul);
    }

    [Fact]
    public void A_base_that_leave_restores_is_checked_anew()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rax, __[rbp]);
            c.mov(rcx, __[rbx]);
            c.mov(rdx, __[rbp + 8]);
            c.leave();
            c.mov(rdx, __[rbp]);
            c.syscall();
        });
        var cpu = NewCpu(guest);
        cpu.State.Rbp = TestGuest.DataAddress + 0x1000;
        (guest.Data(0x200), guest.Data(0x300)) = (TestGuest.DataAddress + 0x1800, 3);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rdx.ShouldBe(3ul);
    }

    [Fact]
    public void Accesses_of_one_base_in_two_pages_are_made_each_in_its_own()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rax, __[rbx]);
            c.mov(rcx, __[rsi]);
            c.mov(rdx, __[rbx + 0x20]);
            c.syscall();
        });
        var cpu = NewCpu(guest);
        cpu.State.Rbx = TestGuest.DataAddress + 0xff0;
        guest.Data(0xff0 / 8) = 5;
        guest.Data(0x1010 / 8) = 6;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        (cpu.State.Rax, cpu.State.Rdx).ShouldBe((5ul, 6ul));
    }

    [Fact]
    public unsafe void A_write_behind_a_jump_that_is_taken_marks_no_page_dirty()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var end = c.CreateLabel();
            c.mov(rax, __[rbx]);
            c.test(rcx, rcx);
            c.je(end);
            c.mov(rdx, __[rsi]);
            c.mov(__[rbx + 8], rdx);
            c.Label(ref end);
            c.syscall();
        });
        var cpu = NewCpu(guest);
        cpu.State.Rcx = 0;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        (*guest.Entry(TestGuest.DataAddress, guest.Root) & Dirty).ShouldBe(0ul);
    }

    private static Cpu NewCpu(TestGuest guest)
    {
        var cpu = guest.NewCpu();
        cpu.State.Rbx = TestGuest.DataAddress;
        cpu.State.Rsi = Other;
        return cpu;
    }
}
