using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Memory;

public sealed class PageEdgeTests
{
    private const ulong Edge = 0x65_1000;
    private const ulong FirstPage = Edge - 0x1000;

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Accesses_of_every_size_straddle_pages(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(FirstPage, 1);
        guest.MapNew(Edge, 1);
        guest.Load(c =>
        {
            c.mov(rbx, (long)Edge);
            c.mov(rax, 0x1122_3344_5566_7788);
            c.mov(__[rbx - 3], rax);
            c.mov(cx, __word_ptr[rbx - 1]);
            c.mov(edx, __dword_ptr[rbx - 2]);
            c.add(__qword_ptr[rbx - 3], 1);
            c.movdqu(xmm0, __[rbx - 7]);
            c.movdqu(__[rbx - 9], xmm0);
            c.mov(rsi, __[rbx - 5]);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rcx.ShouldBe(0x5566ul);
        cpu.State.Rdx.ShouldBe(0x4455_6677ul);
        cpu.State.Rsi.ShouldBe(0x1122_3344_5566_7789ul);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_straddling_write_whose_second_page_is_missing_changes_nothing(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(FirstPage, 1);
        guest.Load(c =>
        {
            c.mov(rbx, (long)Edge);
            c.mov(rax, -1);
            c.mov(__[rbx - 4], rax);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 6, Edge));
        unsafe
        {
            (*(uint*)guest.Pointer(Edge - 4)).ShouldBe(0u);
        }
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Pushes_that_run_into_a_missing_page_fault_one_by_one(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(Edge, 1);
        guest.Load(c =>
        {
            c.mov(rsp, (long)Edge + 16);
            c.push(rax);
            c.push(rbx);
            c.push(rcx);
            c.push(rdx);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.State.Rax = 1;
        cpu.State.Rbx = 2;
        cpu.State.Rcx = 3;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 6, Edge - 8));
        cpu.State.Rsp.ShouldBe(Edge);
        unsafe
        {
            (*(ulong*)guest.Pointer(Edge)).ShouldBe(2ul);
            (*(ulong*)guest.Pointer(Edge + 8)).ShouldBe(1ul);
        }

        guest.MapNew(FirstPage, 1);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rsp.ShouldBe(Edge - 16);
    }

    [Fact]
    public void A_fault_in_the_second_page_of_an_emulated_instruction_names_that_pages_first_byte()
    {
        using var guest = new TestGuest();
        guest.MapNew(FirstPage, 1);
        guest.Load(c => c.btc(__dword_ptr[rbx], r9d));
        var cpu = guest.NewCpu();
        cpu.State.Rbx = Edge - 1;

        var exit = cpu.Run();

        exit.FaultAddress.ShouldBe(Edge);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Instructions_straddle_pages(TranslatorOptions options)
    {
        for (var before = 1; before < 10; before++)
        {
            using var guest = new TestGuest(options);
            guest.MapNew(FirstPage, 1);
            guest.MapNew(Edge, 1);
            var start = Edge - (ulong)before;
            guest.Load(
                c =>
                {
                    c.mov(rax, 0x1122_3344_5566_7788);
                    c.syscall();
                },
                start);
            var cpu = guest.NewCpu();
            cpu.State.Rip = start;
            cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
            cpu.State.Rax.ShouldBe(0x1122_3344_5566_7788ul);
        }
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Flags_live_on_across_the_end_of_a_page(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(FirstPage, 1);
        guest.MapNew(Edge, 1);

        // Another block whose address shares the low bits, so that a shared slot of the jump cache is occupied.
        guest.Load(c => c.ret(), 0x50_0000 + (Edge - 2 & 0xfff));
        guest.Load(
            c =>
            {
                var below = c.CreateLabel();
                c.mov(ebx, 0x50_0000 + (int)(Edge - 2 & 0xfff));
                c.call(rbx);
                c.cmp(ecx, 4);
                c.jb(below);
                c.mov(eax, 1);
                c.syscall();
                c.db(new byte[64]);
                c.Label(ref below);
                c.mov(eax, 2);
                c.syscall();
            },
            Edge - 12);
        foreach (var (count, expected) in ((ulong, ulong)[])[(3, 2), (4, 1), (5, 1), (3, 2)])
        {
            var cpu = guest.NewCpu();
            cpu.State.Rip = Edge - 12;
            cpu.State.Rcx = count;
            cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
            cpu.State.Rax.ShouldBe(expected);
        }
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_fetch_that_runs_into_a_missing_page_faults_there(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(FirstPage, 1);
        guest.MapNew(Edge, 1);
        guest.Load(c => c.mov(rax, 0x1122_3344_5566_7788), Edge - 4);
        guest.Unmap(Edge);
        var cpu = guest.NewCpu();
        cpu.State.Rip = Edge - 4;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 0x14, Edge));
        cpu.State.Rip.ShouldBe(Edge - 4);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_repeated_store_that_faults_has_done_what_it_could(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(FirstPage, 1);
        guest.Load(c =>
        {
            c.mov(rdi, (long)Edge - 0x804);
            c.mov(ecx, 0x400);
            c.mov(eax, 0x5a5a_5a5a);
            c.rep.stosd();
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 6, Edge));
        cpu.State.Rdi.ShouldBe(Edge);
        cpu.State.Rcx.ShouldBe(0x400ul - 0x201);
        guest.MapNew(Edge, 1);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rcx.ShouldBe(0ul);
        cpu.State.Rdi.ShouldBe(Edge - 0x804 + 0x1000);
    }

    [Fact]
    public void Addresses_that_are_not_canonical_give_general_protection_or_stack_faults()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(rax, __[rbx]);
            c.syscall();
        });
        var cpu = guest.NewCpu();

        // The last of these is what an unused place of the soft TLB could be mistaken for.
        foreach (var address in (ulong[])[0x8000_0000_0000_0000, 0x0000_8000_0000_0000, 0x7fff_ffff_ffff_f801, 0xffff_7fff_ffff_fff8])
        {
            cpu.State.Rip = TestGuest.CodeAddress;
            cpu.State.Rbx = address;
            cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 13));
        }

        guest.Load(c => c.push(rax), 0x50_0000);
        cpu.State.Rip = 0x50_0000;
        cpu.State.Rsp = 0x8000_0000_0000_0000;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 12));
    }
}
