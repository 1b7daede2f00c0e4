using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Smp;

public sealed class TlbFlushTests
{
    private const ulong Page = 0x65_0000;

    /// <summary>Reads a word over and over until it isn't 1.</summary>
    private static void LoadReader(TestGuest guest) => guest.Load(c =>
    {
        var loop = c.CreateLabel();
        c.mov(edi, (int)Page);
        c.Label(ref loop);
        c.inc(__qword_ptr[rdi + 0x8000 - (int)Page + (int)TestGuest.DataAddress]);
        c.mov(rax, __[rdi]);
        c.cmp(rax, 1);
        c.je(loop);
        c.syscall();
    });

    [Fact]
    public void An_entry_stays_until_it_is_flushed()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(edi, (int)Page);
            c.mov(rax, __[rdi]);
            c.syscall();
            c.mov(rax, __[rdi]);
            c.syscall();
            c.mov(rax, __[rdi]);
            c.syscall();
        });
        guest.MapNew(Page, 1);
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        guest.Unmap(Page);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.FlushTlb(Page + 0x123);
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 4, Page));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_a_flush_returns_no_cpu_uses_the_old_page(bool single)
    {
        using var guest = new TestGuest();
        LoadReader(guest);
        var first = guest.NewFrame();
        var second = guest.NewFrame();
        unsafe
        {
            *(ulong*)guest.Memory.Frame(first) = 1;
            *(ulong*)guest.Memory.Frame(second) = 2;
        }

        guest.Map(Page, first);
        var cpu = guest.NewCpu();
        var run = Task.Run(cpu.Run, TestContext.Current.CancellationToken);
        guest.Map(Page, second);
        if (single)
            guest.Bus.FlushTlb([1], Page);
        else
            guest.Bus.FlushTlb([1]);

        // Whoever still read the old frame would see this and never stop.
        unsafe
        {
            *(ulong*)guest.Memory.Frame(first) = 1;
        }

        (await run).Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(2ul);
    }

    [Fact]
    public async Task Cpus_that_flush_each_other_don_t_wait_for_ever()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(ecx, 300);
            c.Label(ref loop);
            c.syscall();
            c.dec(ecx);
            c.jne(loop);
            c.ud2();
        });
        var cpus = new[] { guest.NewCpu(), guest.NewCpu(), guest.NewCpu() };
        var exits = await Task.WhenAll(cpus.Select(cpu => Task.Run(
            () =>
            {
                CpuExit exit;
                while ((exit = cpu.Run()).Kind == CpuExitKind.Syscall)
                    guest.Bus.FlushTlb([7]);
                return exit;
            },
            TestContext.Current.CancellationToken)));
        exits.ShouldAllBe(exit => exit == new CpuExit(CpuExitKind.Exception, 6, 0, 0));
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Code_is_found_anew_when_its_page_is_mapped_elsewhere(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        const ulong Function = 0x50_0000;
        guest.Load(
            c =>
            {
                c.mov(eax, 1);
                c.ret();
            },
            Function);
        guest.Load(c =>
        {
            c.mov(ebx, (int)Function);
            c.call(rbx);
            c.syscall();
            c.call(rbx);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(1ul);
        guest.MapNew(Function, 1);
        guest.Load(
            c =>
            {
                c.mov(eax, 2);
                c.ret();
            },
            Function);
        cpu.FlushTlb(Function);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(2ul);
    }

    [Fact]
    public void Another_page_table_keeps_the_translations_of_frames_that_both_map()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(eax, 1);
            c.syscall();
        });
        var other = guest.NewFrame();
        unsafe
        {
            new ReadOnlySpan<byte>(guest.Memory.Frame(guest.Root), 4096).CopyTo(new Span<byte>(guest.Memory.Frame(other), 4096));
        }

        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        var translated = cpu.Statistics.BlocksTranslated;
        cpu.SetPageTable(CpuMode.Kernel, other);
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Statistics.BlocksTranslated.ShouldBe(translated);
    }
}
