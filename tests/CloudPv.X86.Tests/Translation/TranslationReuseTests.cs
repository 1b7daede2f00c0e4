using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>A translation is taken again for the same bytes: by another CPU, or at another address.</summary>
public sealed class TranslationReuseTests
{
    private const ulong Low = 0x50_0000;
    private const ulong OtherLow = 0x51_0000;
    private const ulong High = 0x5555_5555_0000;
    private const ulong OtherHigh = 0x7ffe_1234_0000;
    private const ulong Kernel = 0xffff_ffff_8100_0000;
    private const ulong OtherKernel = 0xffff_ffff_c100_0000;

    /// <summary>A loop, calls near and indirect, data beside the code, the stack, and an access that faults late: RAX depends on all of it, and RBX on the address.</summary>
    private static void EmitProgram(Assembler c)
    {
        var loop = c.CreateLabel();
        var function = c.CreateLabel();
        var data = c.CreateLabel();
        var skip = c.CreateLabel();
        c.lea(rbx, __[data]);
        c.xor(eax, eax);
        c.mov(ecx, 5);
        c.Label(ref loop);
        c.push(rcx);
        c.call(function);
        c.add(rax, __qword_ptr[data]);
        c.lea(rdx, __[function]);
        c.call(rdx);
        c.pop(rcx);
        c.dec(ecx);
        c.jne(loop);
        c.syscall();
        c.ud2();
        c.Label(ref function);
        c.lea(r10, __[rax + 3]);
        c.mov(r11, __[rbx]);
        c.test(r11, r11);
        c.je(skip);
        c.lea(rax, __[rax + r10]);
        c.Label(ref skip);
        c.ret();
        c.Label(ref data);
        c.dq(0x1111);
    }

    private static void RunProgram(Cpu cpu, ulong address)
    {
        cpu.State.Rip = address;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
    }

    [Fact]
    public void What_another_cpu_has_translated_is_not_translated_again()
    {
        using var guest = new TestGuest();
        guest.Load(EmitProgram);
        var first = guest.NewCpu();
        var second = guest.NewCpu();

        RunProgram(first, TestGuest.CodeAddress);
        RunProgram(second, TestGuest.CodeAddress);

        second.Statistics.BlocksTranslated.ShouldBe(0);
        second.Statistics.BlocksReused.ShouldBe(first.Statistics.BlocksTranslated);
        second.State.Rax.ShouldBe(first.State.Rax);
    }

    [Fact]
    public void The_first_translation_that_is_new_is_told_of_once()
    {
        using var guest = new TestGuest();
        guest.Load(EmitProgram);
        guest.Load(EmitProgram, OtherLow);
        var told = 0;
        RunProgram(guest.NewCpu(), TestGuest.CodeAddress);

        guest.Bus.Translations!.AwaitGrowth(() => told++);
        RunProgram(guest.NewCpu(), TestGuest.CodeAddress);
        told.ShouldBe(0);
        RunProgram(guest.NewCpu(), OtherLow);
        told.ShouldBe(0);
        guest.Load(EmitProgram, High);
        RunProgram(guest.NewCpu(), High);
        told.ShouldBe(1);
    }

    [Theory]
    [InlineData(Low, OtherLow)]
    [InlineData(High, OtherHigh)]
    [InlineData(Kernel, OtherKernel)]
    public void The_same_code_at_an_address_of_the_same_width_is_not_translated_again(ulong address, ulong other)
    {
        using var guest = new TestGuest();
        guest.Load(EmitProgram, address);
        guest.Load(EmitProgram, other);
        var cpu = guest.NewCpu();
        RunProgram(cpu, address);
        var translated = cpu.Statistics.BlocksTranslated;
        var distance = cpu.State.Rbx - address;
        var result = cpu.State.Rax;

        RunProgram(cpu, other);

        cpu.Statistics.BlocksTranslated.ShouldBe(translated);
        cpu.State.Rax.ShouldBe(result);
        cpu.State.Rbx.ShouldBe(other + distance);
    }

    [Theory]
    [InlineData(Low, High)]
    [InlineData(High, Low)]
    [InlineData(Kernel, Low)]
    [InlineData(Low, Kernel)]
    [InlineData(Kernel, High)]
    [InlineData(High, Kernel)]
    public void The_same_code_at_an_address_of_another_width_does_the_same(ulong address, ulong other)
    {
        using var guest = new TestGuest();
        guest.Load(EmitProgram, address);
        guest.Load(EmitProgram, other);
        var cpu = guest.NewCpu();
        RunProgram(cpu, address);
        var distance = cpu.State.Rbx - address;
        var result = cpu.State.Rax;

        RunProgram(cpu, other);

        cpu.State.Rax.ShouldBe(result);
        cpu.State.Rbx.ShouldBe(other + distance);
    }

    [Fact]
    public void Changed_bytes_are_translated_anew()
    {
        using var guest = new TestGuest();
        Load(Low, 1);
        Load(OtherLow, 2);
        var cpu = guest.NewCpu();

        RunProgram(cpu, Low);
        RunProgram(cpu, OtherLow);

        cpu.State.Rax.ShouldBe(2ul);
        cpu.Statistics.BlocksReused.ShouldBe(0);

        void Load(ulong address, int value) => guest.Load(
            c =>
            {
                // Alike as far as they are hashed.
                c.mov(rcx, 0x1234_5678_9abc_def0);
                c.mov(rdx, 0x1234_5678_9abc_def0);
                c.mov(eax, value);
                c.syscall();
            },
            address);
    }

    [Fact]
    public void Flags_that_only_the_code_behind_reads_are_kept_there()
    {
        using var guest = new TestGuest();
        LoadBefore(Low);
        LoadBefore(OtherLow);
        guest.Load(
            c =>
            {
                c.cmp(rdi, 7);
                c.mov(eax, 1);
                c.syscall();
            },
            Low + 0x1000);
        guest.Load(
            c =>
            {
                c.sete(al);
                c.movzx(eax, al);
                c.syscall();
            },
            OtherLow + 0x1000);
        var cpu = guest.NewCpu();
        cpu.State.Rdi = 5;
        cpu.State.Rsi = TestGuest.DataAddress;

        RunProgram(cpu, Low);
        RunProgram(cpu, OtherLow);

        cpu.State.Rax.ShouldBe(1ul);
        cpu.Statistics.BlocksReused.ShouldBe(0);

        void LoadBefore(ulong address) => guest.Load(
            c =>
            {
                c.cmp(rdi, 5);
                c.mov(rcx, __[rsi]);
                c.mov(rcx, __[rsi + 0x2000]);
                c.jmp(address + 0x1000);
            },
            address);
    }

    [Fact]
    public void A_cpu_that_keeps_flags_at_calls_gets_no_translation_that_does_not()
    {
        using var guest = new TestGuest();
        guest.Load(EmitFunction, Low);
        guest.Load(
            c =>
            {
                var equal = c.CreateLabel();
                c.mov(rsi, (long)TestGuest.DataAddress);
                c.call(Low);
                c.je(equal);
                c.mov(eax, 1);
                c.syscall();
                c.Label(ref equal);
                c.mov(eax, 2);
                c.syscall();
            },
            OtherLow);
        guest.Load(
            c =>
            {
                c.mov(rsi, (long)TestGuest.DataAddress);
                c.call(Low);
                c.xor(eax, eax);
                c.syscall();
            },
            TestGuest.CodeAddress);
        var first = guest.NewCpu();
        var second = guest.NewCpu();
        first.State.Rdi = 5;
        second.State.Rdi = 5;

        RunProgram(first, TestGuest.CodeAddress);
        RunProgram(second, OtherLow);

        second.State.Rax.ShouldBe(2ul);

        static void EmitFunction(Assembler c)
        {
            c.cmp(rdi, 5);
            c.mov(rcx, __[rsi]);
            c.mov(rcx, __[rsi + 0x2000]);
            c.ret();
        }
    }

    [Fact]
    public void A_write_to_reused_code_is_seen()
    {
        using var guest = new TestGuest();
        guest.Load(
            c =>
            {
                c.mov(eax, 1);
                c.ret();
            },
            Low);
        guest.Load(c =>
        {
            c.call(Low);
            c.mov(__byte_ptr[(long)Low + 1], 2);
            c.call(Low);
            c.syscall();
        });
        var first = guest.NewCpu();
        var second = guest.NewCpu();
        RunProgram(first, TestGuest.CodeAddress);
        guest.Write(Low + 1, [1]);
        guest.Bus.CodeWritten(FrameOf(guest, Low));

        RunProgram(second, TestGuest.CodeAddress);

        second.Statistics.BlocksReused.ShouldBeGreaterThan(0);
        second.State.Rax.ShouldBe(2ul);
    }

    [Fact]
    public void A_fault_in_reused_code_names_its_own_address()
    {
        using var guest = new TestGuest();
        guest.Load(EmitFault, High);
        guest.Load(EmitFault, OtherHigh);
        var cpu = guest.NewCpu();
        cpu.State.Rip = High;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 4, 0x1234_5000));

        cpu.State.Rip = OtherHigh;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 4, 0x1234_5000));

        cpu.State.Rip.ShouldBe(OtherHigh + 5);
        cpu.Statistics.BlocksReused.ShouldBe(1);

        static void EmitFault(Assembler c)
        {
            c.mov(ebx, 0x1234_5000);
            c.mov(rax, __[rbx]);
            c.syscall();
        }
    }

    [Fact]
    public void A_trap_in_reused_code_names_its_own_address()
    {
        using var guest = new TestGuest();
        guest.Load(EmitDivision, High);
        guest.Load(EmitDivision, OtherHigh);
        var cpu = guest.NewCpu();
        cpu.State.Rip = High;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 0));

        cpu.State.Rip = OtherHigh;
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 0));

        cpu.State.Rip.ShouldBe(OtherHigh + 2);
        cpu.Statistics.BlocksReused.ShouldBe(1);

        static void EmitDivision(Assembler c)
        {
            c.xor(ecx, ecx);
            c.div(ecx);
            c.syscall();
        }
    }

    [Fact]
    public void Reused_code_with_fpu_instructions_raises_nm_while_ts_is_set()
    {
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            c.xor(eax, eax);
            c.paddd(xmm0, xmm1);
            c.syscall();
        });
        RunProgram(guest.NewCpu(), TestGuest.CodeAddress);
        var cpu = guest.NewCpu();
        cpu.TaskSwitched = true;

        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 7));

        cpu.State.Rip.ShouldBe(TestGuest.CodeAddress + 2);
        cpu.Statistics.BlocksReused.ShouldBe(1);
    }

    [Fact]
    public void Reused_code_is_the_code_that_a_translation_emits()
    {
        using var guest = new TestGuest();
        using var fresh = new TestGuest(new TranslatorOptions { TranslationReuse = false });
        guest.Load(EmitProgram, High);
        guest.Load(EmitProgram, OtherHigh);
        fresh.Load(EmitProgram, OtherHigh);
        RunProgram(guest.NewCpu(), High);
        var reuses = guest.NewCpu();
        var translates = fresh.NewCpu();

        RunProgram(reuses, OtherHigh);
        RunProgram(translates, OtherHigh);

        reuses.Statistics.BlocksTranslated.ShouldBe(0);
        reuses.HotCode.SequenceEqual(translates.HotCode).ShouldBeTrue();
    }

    private static unsafe ulong FrameOf(TestGuest guest, ulong address) => (*guest.Entry(address, guest.Root) >> 12) & 0xf_ffff_ffff;
}
