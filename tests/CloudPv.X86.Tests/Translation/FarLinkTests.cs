using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>Direct jumps between pages that carry flags: linked to their target as long as its page shows the same frame.</summary>
public sealed class FarLinkTests
{
    private const ulong NextPage = TestGuest.CodeAddress + 0x1000;

    /// <summary>A loop of RCX rounds whose comparison is the last instruction of a page and whose conditional jump the first of the next; RAX counts them.</summary>
    private static void LoadLoopAcrossPages(TestGuest guest)
    {
        var compares = TestGuest.Assemble(c => c.cmp(rax, rcx), NextPage - 3);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.Label(ref loop);
            c.inc(rax);
            while (c.Instructions.Count < 20)
                c.nop();
            c.jmp(NextPage - 3);
        });
        guest.Write(NextPage - 3, compares);
        guest.Load(
            c =>
            {
                c.jne(TestGuest.CodeAddress);
                c.syscall();
            },
            NextPage);
    }

    [Fact]
    public void A_loop_that_carries_flags_into_another_page_stays_out_of_the_run_loop()
    {
        using var guest = new TestGuest();
        LoadLoopAcrossPages(guest);
        var cpu = guest.NewCpu();
        cpu.State.Rcx = 100_000;

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rax.ShouldBe(100_000ul);
        cpu.Statistics.Dispatches.ShouldBeLessThan(100);
    }

    [Fact]
    public void A_page_that_shows_another_frame_after_a_flush_is_jumped_to_anew()
    {
        using var guest = new TestGuest();
        LoadLoopAcrossPages(guest);
        var cpu = guest.NewCpu();
        cpu.State.Rcx = 1000;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        guest.Map(NextPage, guest.NewFrame());
        guest.Load(c => c.ud2(), NextPage);
        cpu.FlushTlb();
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.State.Rcx = 2000;

        cpu.Run().Vector.ShouldBe((byte)6);
        cpu.State.Rax.ShouldBe(1001ul);
    }

    [Fact]
    public void Code_written_in_the_other_page_is_jumped_to_anew()
    {
        using var guest = new TestGuest();
        LoadLoopAcrossPages(guest);
        var cpu = guest.NewCpu();
        cpu.State.Rcx = 1000;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.TryWrite(NextPage, TestGuest.Assemble(c => c.ud2(), NextPage), out _).ShouldBeTrue();
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.State.Rcx = 2000;

        cpu.Run().Vector.ShouldBe((byte)6);
        cpu.State.Rax.ShouldBe(1001ul);
    }
}
