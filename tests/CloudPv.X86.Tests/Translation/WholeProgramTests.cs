using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

public sealed class WholeProgramTests
{
    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_loop_sums_what_memory_holds(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(rcx, 100);
            c.xor(eax, eax);
            c.mov(rdi, (long)TestGuest.DataAddress);
            c.Label(ref loop);
            c.mov(__[rdi + rcx * 8], rcx);
            c.add(rax, __[rdi + rcx * 8]);
            c.dec(rcx);
            c.jne(loop);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Syscall));
        cpu.State.Rax.ShouldBe(5050ul);
        guest.Data(100).ShouldBe(100ul);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Calls_and_returns_nest(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            var fib = c.CreateLabel();
            var small = c.CreateLabel();
            c.mov(edi, 15);
            c.call(fib);
            c.syscall();
            c.Label(ref fib);
            c.cmp(edi, 2);
            c.jb(small);
            c.push(rbx);
            c.push(r10);
            c.mov(ebx, edi);
            c.lea(edi, __[rbx - 1]);
            c.call(fib);
            c.mov(r10, rax);
            c.lea(edi, __[rbx - 2]);
            c.call(fib);
            c.add(rax, r10);
            c.pop(r10);
            c.pop(rbx);
            c.ret();
            c.Label(ref small);
            c.mov(eax, edi);
            c.ret();
        });
        var cpu = guest.NewCpu();
        cpu.State.Rsp -= 4;
        var rsp = cpu.State.Rsp;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rax.ShouldBe(610ul);
        cpu.State.Rsp.ShouldBe(rsp);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void A_page_fault_is_precise(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            c.mov(rbx, 0x1234_5000);
            c.push(rax);
            c.mov(r10d, 7);
            c.add(__dword_ptr[rbx + 8], r10d);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        var exit = cpu.Run();
        exit.ShouldBe(new CpuExit(CpuExitKind.Exception, 14, 6, 0x1234_5008));
        guest.MapNew(0x1234_5000, 1);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        unsafe
        {
            (*(uint*)guest.Pointer(0x1234_5008)).ShouldBe(7u);
        }
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void Division_by_zero_is_an_exception_of_the_guest(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            c.xor(ecx, ecx);
            c.div(ecx);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().ShouldBe(new CpuExit(CpuExitKind.Exception, 0));
        cpu.State.Rip.ShouldBe(TestGuest.CodeAddress + 2);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public void X87_and_sse_state_survives_exits(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            c.fld1();
            c.fldpi();
            c.mov(eax, 3);
            c.cvtsi2sd(xmm7, eax);
            c.syscall();
            c.faddp(st1, st0);
            c.mov(rdi, (long)TestGuest.DataAddress);
            c.fstp(__qword_ptr[rdi]);
            c.movsd(__qword_ptr[rdi + 8], xmm7);
            c.syscall();
        });
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        BitConverter.UInt64BitsToDouble(guest.Data(0)).ShouldBe(Math.PI + 1);
        BitConverter.UInt64BitsToDouble(guest.Data(1)).ShouldBe(3.0);
    }
}
