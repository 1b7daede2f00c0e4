using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>CR0.TS, by which kernels put off the switch of the FPU's state: the next x87, MMX or SSE instruction raises #NM (SDM vol. 3, 2.5).</summary>
public sealed class TaskSwitchedTests
{
    private const int FpuTaskswitch = 5;
    private const byte DeviceNotAvailable = 7;
    private const ulong TaskSwitched = 1 << 3;

    private static readonly Dictionary<string, Action<Assembler>> FpuInstructions = new(StringComparer.Ordinal)
    {
        ["x87"] = static c => c.fld1(),
        ["x87 control"] = static c => c.fnstcw(__word_ptr[GuestCode.Arguments]),
        ["wait"] = static c => c.wait(),
        ["MMX"] = static c => c.movq(mm1, rax),
        ["SSE"] = static c => c.addps(xmm0, xmm1),
        ["SSE load"] = static c => c.movdqu(xmm3, __[GuestCode.Arguments]),
        ["AES"] = static c => c.aesenc(xmm0, xmm1),
        ["fxsave"] = static c => c.fxsave(__[GuestCode.FreePage]),
        ["ldmxcsr"] = static c => c.ldmxcsr(__dword_ptr[GuestCode.Arguments]),
        ["maskmovdqu"] = static c => c.maskmovdqu(xmm0, xmm1),
    };

    public static TheoryData<string> Names => [.. FpuInstructions.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void With_ts_set_an_fpu_instruction_raises_nm_before_it_does_anything(string name)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), fault = c.CreateLabel();
            c.SetTraps(new Gate(DeviceNotAvailable, 0, handler));
            c.lea(rax, __[fault]);
            c.Save(10, rax);
            c.Call(FpuTaskswitch, 1);
            c.nop();
            c.Label(ref fault);
            FpuInstructions[name](c);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(10), "rip is the instruction, and no error code is in front of it");
    }

    [Fact]
    public void Delivery_clears_ts_so_that_the_handler_and_the_instruction_can_use_the_fpu()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel(), again = c.CreateLabel();
            c.SetTraps(new Gate(DeviceNotAvailable, 0, handler));
            c.mov(rbx, 0x1234);
            c.Call(FpuTaskswitch, 1);
            c.Label(ref again);
            c.movq(xmm0, rbx);
            c.movq(rdx, xmm0);
            c.Save(0, rdx);
            c.Save(1, rbp);
            c.ShutDown();
            c.Label(ref handler);
            c.inc(rbp);
            c.mov(rax, cr0);
            c.Save(2, rax);
            c.pxor(xmm0, xmm0);
            c.jmp(again);
        });

        guest.Result(0).ShouldBe(0x1234ul);
        guest.Result(1).ShouldBe(1ul, "one #NM");
        (guest.Result(2) & TaskSwitched).ShouldBe(0ul);
    }

    [Fact]
    public void Code_that_ran_before_ts_was_set_raises_nm_and_runs_again_after()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel(), loop = c.CreateLabel(), round = c.CreateLabel(), compute = c.CreateLabel();
            c.SetTraps(new Gate(DeviceNotAvailable, 0, handler));
            c.mov(ebx, 100);
            c.Label(ref round);
            c.mov(r12d, 5);
            c.Label(ref loop);
            c.call(compute);
            c.dec(r12d);
            c.jnz(loop);
            c.Call(FpuTaskswitch, 1);
            c.dec(ebx);
            c.jnz(round);
            c.Save(0, rbp);
            c.Call(FpuTaskswitch, 0);
            c.movq(rdx, xmm5);
            c.Save(1, rdx);
            c.ShutDown();

            c.Label(ref compute);
            c.mov(eax, 1);
            c.movq(xmm4, rax);
            c.paddq(xmm5, xmm4);
            c.ret();

            // Leaves the frame of {rcx, r11, rip, cs, rflags, rsp, ss} as iret would: the same mode and selectors.
            c.Label(ref handler);
            c.inc(rbp);
            c.mov(rcx, __[rsp]);
            c.mov(rdx, __[rsp + 16]);
            c.mov(rsp, __[rsp + 40]);
            c.jmp(rdx);
        });

        guest.Result(0).ShouldBe(99ul, "one #NM for each time that TS was set and the FPU used thereafter");
        guest.Result(1).ShouldBe(500ul);
    }

    [Fact]
    public void Clts_and_mov_cr0_change_it_and_code_without_the_fpu_does_not_see_it()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(DeviceNotAvailable, 0, handler));
            c.mov(rax, cr0);
            c.or(rax, (int)TaskSwitched);
            c.mov(cr0, rax);
            c.mov(rax, cr0);
            c.Save(0, rax);
            c.prefetcht0(__[GuestCode.Arguments]);
            c.mfence();
            c.movnti(__[GuestCode.Arguments], rax);
            c.clts();
            c.movq(xmm0, rax);
            c.mov(rax, cr0);
            c.or(rax, (int)TaskSwitched);
            c.mov(cr0, rax);
            c.movq(xmm0, rax);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(1, __[rsp + 16]);
            c.ShutDown();
        });

        (guest.Result(0) & TaskSwitched).ShouldBe(TaskSwitched);
        guest.Result(1).ShouldNotBe(0ul);
    }

    [Fact]
    public void A_single_stepped_fpu_instruction_raises_nm_too()
    {
        const byte Debug = 1;
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel(), step = c.CreateLabel();
            c.SetTraps(new Gate(DeviceNotAvailable, 0, handler), new Gate(Debug, 0, step));
            c.Call(FpuTaskswitch, 1);
            c.pushfq();
            c.or(__qword_ptr[rsp], 0x100);
            c.popfq();
            c.nop();
            c.ShutDown(reason: 3);
            // The handler of the first step goes on with stepping, at an FPU instruction.
            c.Label(ref step);
            c.pushfq();
            c.or(__qword_ptr[rsp], 0x100);
            c.popfq();
            c.pxor(xmm0, xmm0);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 32]);
            c.ShutDown();
        });

        (guest.Result(0) & 0x100).ShouldBe(0x100ul, "the trap flag is in the saved flags");
    }
}
