using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>Breakpoints in DR0 to DR3, which the guest sets by HYPERVISOR_set_debugreg (SDM vol. 3, 18.2).</summary>
public sealed class BreakpointTests
{
    private const int SetDebugreg = 8, GetDebugreg = 9, Iret = 23;
    private const byte Debug = 1, PageFault = 14;
    private const long Watched = GuestCode.FreePage + 0x100;

    /// <summary>DR7: breakpoint 0, and what it is for.</summary>
    private const long Execute = 1, Write1 = 1 | 1 << 16, Write4 = 1 | 0xd << 16, Write8 = 1 | 0x9 << 16, Access4 = 1 | 0xf << 16;

    private static readonly Dictionary<string, Action<Assembler>> Writes = new(StringComparer.Ordinal)
    {
        ["mov"] = static c => c.mov(__dword_ptr[Watched], 1),
        ["a byte of it"] = static c => c.mov(__byte_ptr[Watched + 3], 1),
        ["from below"] = static c => c.mov(__qword_ptr[Watched - 4], 1),
        ["push"] = static c =>
        {
            c.mov(rsp, Watched + 8);
            c.push(1);
        },
        ["read-modify-write"] = static c => c.@lock.inc(__dword_ptr[Watched]),
        ["string"] = static c =>
        {
            c.mov(rdi, Watched);
            c.mov(ecx, 1);
            c.rep.stosb();
        },
        ["SSE"] = static c => c.movups(__[Watched - 8], xmm0),
        ["x87"] = static c => c.fstcw(__word_ptr[Watched]),
        ["call"] = static c =>
        {
            Label next = c.CreateLabel();
            c.mov(rsp, Watched + 8);
            c.call(next);
            c.Label(ref next);
        },
    };

    public static TheoryData<string> Names => [.. Writes.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_write_to_a_watched_word_traps_behind_the_instruction(string name)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(Debug, 0, handler));
            c.mov(rbp, rsp);
            c.Call(SetDebugreg, 0, Watched);
            c.Call(SetDebugreg, 7, Write4);
            Writes[name](c);
            c.nop();
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.mov(rbx, __[rsp + 16]);
            c.mov(rsp, rbp);
            c.Call(SetDebugreg, 7, 0);
            c.Call(GetDebugreg, 6);
            c.Save(0, rax);
            c.movzx(eax, __byte_ptr[rbx]);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0xffff0ff1ul, "DR6 says which");
        guest.Result(1).ShouldBe(0x90ul, "rip is the next instruction");
    }

    [Fact]
    public void Reads_trap_only_where_they_are_watched_and_neighbours_do_not()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(Debug, 0, handler));
            c.xor(ebx, ebx);
            c.Call(SetDebugreg, 0, Watched);
            c.Call(SetDebugreg, 7, Write4);
            c.mov(eax, __dword_ptr[Watched]);
            c.mov(__byte_ptr[Watched + 4], 1);
            c.mov(__dword_ptr[Watched - 4], 1);
            c.mov(ebx, 1);
            c.Call(SetDebugreg, 7, Access4);
            c.mov(eax, __dword_ptr[Watched]);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.Save(0, rbx);
            c.Call(SetDebugreg, 7, 0);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul);
    }

    [Theory]
    [InlineData(Write1, 1)]
    [InlineData(Write8, 8)]
    public void A_breakpoint_watches_as_many_bytes_as_it_says(long control, int bytes)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(Debug, 0, handler));
            c.Call(SetDebugreg, 0, Watched);
            c.Call(SetDebugreg, 7, control);
            c.mov(__byte_ptr[Watched - 1], 1);
            c.mov(__byte_ptr[Watched + bytes], 1);
            c.mov(ebx, 1);
            c.mov(__byte_ptr[Watched + bytes - 1], 1);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.Save(0, rbx);
            c.Call(SetDebugreg, 7, 0);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul);
    }

    [Fact]
    public void A_watched_instruction_faults_before_it_runs_and_runs_when_the_resume_flag_is_set()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel(), watched = c.CreateLabel();
            c.SetTraps(new Gate(Debug, 0, handler));
            c.lea(rdx, __[watched]);
            c.mov(rdi, 0);
            c.mov(rsi, rdx);
            c.Hypercall(SetDebugreg);
            c.Call(SetDebugreg, 7, Execute);
            c.xor(ebx, ebx);
            c.xor(r12d, r12d);
            c.nop();
            c.Label(ref watched);
            c.inc(ebx);
            c.Call(SetDebugreg, 7, 0);
            c.Save(0, rbx);
            c.Save(1, r12);
            c.ShutDown();

            // Goes back by iret with the flags of the frame and RF: rcx, r11, rip, cs, rflags, rsp, ss stand on the stack.
            c.Label(ref handler);
            c.inc(r12d);
            c.Save(2, rbx);
            c.or(__dword_ptr[rsp + 32], 0x10000);
            c.pop(rcx);
            c.pop(r11);
            c.push(0);
            c.push(0);
            c.push(0);
            c.push(0);
            c.mov(eax, Iret);
            c.syscall();
        });

        guest.Result(2).ShouldBe(0ul, "it had not run");
        guest.Result(0).ShouldBe(1ul);
        guest.Result(1).ShouldBe(1ul, "it trapped once");
    }

    [Fact]
    public void An_instruction_that_faults_at_a_watched_word_has_not_written_it()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label debug = c.CreateLabel(), fault = c.CreateLabel();
            c.SetTraps(new Gate(Debug, 0, debug), new Gate(PageFault, 0, fault));
            c.mov(rax, 0x7fff_0000_1000);
            c.mov(rdi, 0);
            c.mov(rsi, rax);
            c.Hypercall(SetDebugreg);
            c.Call(SetDebugreg, 7, Write4);
            c.mov(rax, 0x7fff_0000_1000);
            c.mov(__dword_ptr[rax], 1);
            c.Label(ref debug);
            c.ShutDown(reason: 3);
            c.Label(ref fault);
            c.Call(SetDebugreg, 7, 0);
            c.ShutDown();
        });
    }
}
