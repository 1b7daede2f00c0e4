using CloudPv.Guests;
using CloudPv.Hypervisor.Tests.Events;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Time;

/// <summary>The timers of xen/include/public/vcpu.h and the clock of xen.h. Virtual interrupt 0 is VIRQ_TIMER.</summary>
public sealed class TimerTests
{
    private const int SetTimerOp = 15, VcpuOp = 24, SchedOp = 29;
    private const int Block = 1, SetPeriodicTimer = 6, SetSingleshotTimer = 8;
    private const uint Millisecond = 1_000_000;
    private const long VcpuTime = GuestCode.SharedInfo + 32;

    [Fact]
    public void A_single_shot_timer_wakes_a_blocked_vcpu() => RaisesTimer(c =>
    {
        SystemTime(c);
        c.add(rax, (int)(2 * Millisecond));
        c.mov(__[GuestCode.Arguments], rax);
        c.mov(__qword_ptr[GuestCode.Arguments + 8], 0);
        c.Call(VcpuOp, SetSingleshotTimer, 0, GuestCode.Arguments);
        c.Call(SchedOp, Block);
    });

    [Fact]
    public void A_single_shot_timer_interrupts_a_vcpu_that_never_leaves_its_code() => RaisesTimer(c =>
    {
        Label forever = c.CreateLabel();
        SystemTime(c);
        c.add(rax, (int)(2 * Millisecond));
        c.mov(__[GuestCode.Arguments], rax);
        c.mov(__qword_ptr[GuestCode.Arguments + 8], 0);
        c.Call(VcpuOp, SetSingleshotTimer, 0, GuestCode.Arguments);
        c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
        c.Label(ref forever);
        c.jmp(forever);
    });

    [Fact]
    public void A_single_shot_time_that_has_passed_fires_at_once() => RaisesTimer(c =>
    {
        c.mov(__qword_ptr[GuestCode.Arguments], 1);
        c.mov(__qword_ptr[GuestCode.Arguments + 8], 0);
        c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
        c.Call(VcpuOp, SetSingleshotTimer, 0, GuestCode.Arguments);
    });

    [Fact]
    public void Set_timer_op_is_the_same_timer() => RaisesTimer(c =>
    {
        SystemTime(c);
        c.lea(rdi, __[rax + (int)Millisecond]);
        c.Hypercall(SetTimerOp);
        c.Call(SchedOp, Block);
    });

    [Fact]
    public void A_periodic_timer_fires_again_and_again()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), again = c.CreateLabel();
            c.MapSharedInfo();
            c.SetCallbacks(callback, callback, callback);
            EventCode.BindVirq(c, virq: 0);
            c.xor(ebp, ebp);
            c.mov(__qword_ptr[GuestCode.Arguments], (int)Millisecond);
            c.Call(VcpuOp, SetPeriodicTimer, 0, GuestCode.Arguments);
            c.Label(ref again);
            c.Call(SchedOp, Block);
            c.ShutDown(reason: 3);
            c.Label(ref callback);
            c.inc(ebp);
            c.mov(__byte_ptr[GuestCode.UpcallPending], 0);
            c.mov(__qword_ptr[GuestCode.PendingSelector], 0);
            c.mov(__qword_ptr[GuestCode.EventPending], 0);
            c.cmp(ebp, 3);
            c.jne(again);
            c.ShutDown();
        });
    }

    [Fact]
    public void A_vcpu_that_is_idle_gives_its_translations_back_and_goes_on()
    {
        using var guest = new TestGuest(c =>
        {
            Label callback = c.CreateLabel(), again = c.CreateLabel();
            c.MapSharedInfo();
            c.SetCallbacks(callback, callback, callback);
            EventCode.BindVirq(c, virq: 0);
            c.xor(ebp, ebp);
            c.mov(r15, rsp);
            c.mov(__qword_ptr[GuestCode.Arguments], (int)Millisecond);
            c.Call(VcpuOp, SetPeriodicTimer, 0, GuestCode.Arguments);
            c.Label(ref again);
            c.Call(SchedOp, Block);
            c.ShutDown(reason: 3);
            c.Label(ref callback);
            c.mov(rsp, r15);
            c.inc(ebp);
            c.Save(0, rbp);
            c.mov(__byte_ptr[GuestCode.UpcallPending], 0);
            c.mov(__qword_ptr[GuestCode.PendingSelector], 0);
            c.mov(__qword_ptr[GuestCode.EventPending], 0);
            c.jmp(again);
        });
        guest.Domain.Unpause();
        guest.WaitForResult(0);

        guest.Domain.TrimTranslations();

        SpinWait.SpinUntil(() => guest.Domain.Vcpus[0].Cpu.Statistics.CodeFlushes == 1, TimeSpan.FromSeconds(60)).ShouldBeTrue();
        ulong ticks = guest.Result(0);
        SpinWait.SpinUntil(() => guest.Result(0) > ticks + 2, TimeSpan.FromSeconds(60)).ShouldBeTrue();
    }

    [Fact]
    public void The_clock_of_vcpu_info_is_xens_system_time()
    {
        using var guest = new TestGuest(c =>
        {
            c.MapSharedInfo();
            SystemTime(c);
            c.Save(0, rax);
            c.ShutDown();
        });
        ulong before = guest.Domain.Host.Clock.Now;
        guest.Domain.Unpause();
        guest.WaitForEnd();

        guest.Result(0).ShouldBeInRange(before, guest.Domain.Host.Clock.Now);
    }

    [Fact]
    public void The_wall_clock_at_system_time_0_plus_system_time_is_now()
    {
        using TestGuest guest = TestGuest.Run(static c => c.ShutDown());
        ref Xen.SharedInfo shared = ref guest.Domain.SharedInfo;
        ulong seconds = shared.WcSec + guest.Domain.Host.Clock.Now / 1_000_000_000;

        ((double)seconds).ShouldBe(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), tolerance: 2);
        (shared.WcVersion % 2).ShouldBe(0u);
    }

    [Theory]
    [InlineData(1_000_000_000ul)]
    [InlineData(2_596_118_000ul)]
    [InlineData(4_999_999_999ul)]
    [InlineData(24_000_000ul)]
    public void The_scale_turns_a_second_of_ticks_into_a_second(ulong frequency)
    {
        (uint multiplier, sbyte shift) = SystemClock.Scale(frequency);

        ulong ticks = shift < 0 ? frequency >> -shift : frequency << shift;
        ulong nanoseconds = (ulong)((UInt128)ticks * multiplier >> 32);
        nanoseconds.ShouldBeInRange(999_999_990ul, 1_000_000_000ul);
        multiplier.ShouldBeGreaterThan(1u << 30, "few significant bits would make the clock coarse");
    }

    /// <summary>rax = system time, from vcpu_time_info and the TSC. Changes rcx and rdx.</summary>
    private static void SystemTime(Assembler c)
    {
        Label right = c.CreateLabel(), scaled = c.CreateLabel();
        c.rdtsc();
        c.shl(rdx, 32);
        c.or(rax, rdx);
        c.sub(rax, __[VcpuTime + 8]);
        c.movsx(ecx, __byte_ptr[VcpuTime + 28]);
        c.test(ecx, ecx);
        c.js(right);
        c.shl(rax, cl);
        c.jmp(scaled);
        c.Label(ref right);
        c.neg(ecx);
        c.shr(rax, cl);
        c.Label(ref scaled);
        c.mov(ecx, __dword_ptr[VcpuTime + 24]);
        c.mul(rcx);
        c.shrd(rax, rdx, 32);
        c.add(rax, __[VcpuTime + 16]);
    }

    /// <summary>The kernel's code makes VIRQ_TIMER's port pending.</summary>
    private static void RaisesTimer(Action<Assembler> code)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel();
            c.MapSharedInfo();
            c.SetCallbacks(callback, callback, callback);
            EventCode.BindVirq(c, virq: 0);
            code(c);
            c.ShutDown(reason: 3);
            c.Label(ref callback);
            c.SaveFrom(0, __[GuestCode.EventPending]);
            c.mov(ecx, __dword_ptr[EventCode.Port]);
            c.Save(1, rcx);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul << (int)guest.Result(1));
    }
}
