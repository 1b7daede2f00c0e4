using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

public sealed class SelfModifyingCodeTests
{
    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Code_may_change_the_next_instruction_of_its_own_block(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            var patched = c.CreateLabel();
            c.lea(rdi, __[patched]);
            c.mov(__byte_ptr[rdi + 1], 42);
            c.Label(ref patched);
            c.mov(eax, 1);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(42ul);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_function_that_is_rewritten_between_calls_runs_as_rewritten(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            var function = c.CreateLabel();
            c.lea(rdi, __[function]);
            c.xor(ebx, ebx);
            c.mov(ecx, 200);
            c.Label(ref loop);
            c.mov(__byte_ptr[rdi + 1], cl);
            c.call(function);
            c.add(ebx, eax);
            c.dec(ecx);
            c.jne(loop);
            c.syscall();
            c.nop();
            c.Label(ref function);
            c.mov(eax, 0);
            c.ret();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rbx.ShouldBe(200ul * 201 / 2);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_write_that_straddles_into_code_is_seen(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.MapNew(TestGuest.CodeAddress - 0x1000, 1);
        guest.Load(c =>
        {
            c.mov(eax, 1); // five bytes, of which the write changes the first four
            c.ret();
        });
        guest.Load(
            c =>
            {
                c.mov(rbx, (long)TestGuest.CodeAddress);
                c.call(rbx);
                c.mov(esi, eax);
                c.mov(rax, 0x0000_02b8_0000_0000);
                c.mov(__[rbx - 4], rax);
                c.call(rbx);
                c.syscall();
            },
            0x50_0000);
        var cpu = guest.NewCpu();
        cpu.State.Rip = 0x50_0000;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rsi.ShouldBe(1ul);
        cpu.State.Rax.ShouldBe(2ul);
    }

    [Fact]
    public void Data_beside_code_is_written_without_translating_the_code_anew()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(rdi, (long)TestGuest.CodeAddress + 0x800);
            c.mov(ecx, 200);
            c.Label(ref loop);
            c.mov(__[rdi], rcx);
            c.dec(ecx);
            c.jne(loop);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Statistics.BlocksInvalidated.ShouldBe(0);
        cpu.Statistics.BlocksTranslated.ShouldBeLessThan(10);
    }

    [Fact]
    public void A_page_that_once_held_code_becomes_as_fast_to_write_as_any()
    {
        using var guest = new TestGuest();
        const ulong Page = 0x50_0000;
        guest.Load(c => c.ret(), Page);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(ebx, (int)Page);
            c.call(rbx);
            c.mov(ecx, 100_000);
            c.Label(ref loop);
            c.mov(__[rbx + 0x800], rcx);
            c.dec(ecx);
            c.jne(loop);
            c.call(rbx);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Statistics.TlbMisses.ShouldBeLessThan(1000);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_string_store_over_code_is_seen(TranslatorOptions options)
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
        guest.Load(
            c =>
            {
                c.mov(eax, 2);
                c.ret();
            },
            Function + 0x1000);
        guest.Load(c =>
        {
            c.mov(ebx, (int)Function);
            c.call(rbx);
            c.mov(r12d, eax);
            c.lea(rdi, __[rbx]);
            c.lea(rsi, __[rbx + 0x1000]);
            c.mov(ecx, 0x1000 / 8);
            c.rep.movsq();
            c.call(rbx);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.R12.ShouldBe(1ul);
        cpu.State.Rax.ShouldBe(2ul);
    }

    [Fact]
    public void A_write_through_another_mapping_of_the_frame_is_seen()
    {
        using var guest = new TestGuest();
        guest.Load(
            c =>
            {
                c.mov(eax, 1);
                c.ret();
            },
            0x50_0000);
        unsafe
        {
            guest.Map(0x70_0000, *guest.Entry(0x50_0000, guest.Root) >> 12 & 0xff_ffff);
        }

        guest.Load(c =>
        {
            c.mov(ebx, 0x50_0000);
            c.mov(__byte_ptr[0x70_0800], 1);
            c.call(rbx);
            c.mov(__byte_ptr[0x70_0001], 9);
            c.call(rbx);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(9ul);
    }

    [Fact]
    public void The_hypervisor_may_write_code_between_runs()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.mov(eax, 1);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.TryWrite(TestGuest.CodeAddress + 1, [7], out _).ShouldBeTrue();
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(7ul);
    }
}
