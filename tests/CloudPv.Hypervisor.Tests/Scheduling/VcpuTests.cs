using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Scheduling;

/// <summary>Secondary vCPUs, and waiting (xen/include/public/vcpu.h, sched.h).</summary>
public sealed class VcpuTests
{
    private const int IsUp = 3, GetRunstateInfo = 4, RegisterVcpuInfo = 10;

    [Fact]
    public void A_vcpu_that_was_not_initialised_cannot_be_brought_up()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(VcpuCode.VcpuOp, VcpuCode.UpCommand, 1);
            c.Save(0, rax);
            c.ShutDown();
        }, vcpus: 2);

        ((long)guest.Result(0)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_vcpu_that_does_not_exist_is_enoent()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(VcpuCode.VcpuOp, IsUp, 7);
            c.Save(0, rax);
            c.ShutDown();
        }, vcpus: 2);

        ((long)guest.Result(0)).ShouldBe(XenErrno.ENOENT);
    }

    [Fact]
    public void An_initialised_vcpu_runs_where_its_context_says_beside_the_first()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label second = c.CreateLabel(), wait = c.CreateLabel();
            VcpuCode.InitialiseSecond(c, second);
            c.Save(0, rax);
            c.Call(VcpuCode.VcpuOp, VcpuCode.UpCommand, 1);
            c.Label(ref wait);
            c.pause();
            c.cmp(__qword_ptr[GuestCode.Results + 8], 0);
            c.je(wait);
            c.Call(VcpuCode.VcpuOp, IsUp, 1);
            c.Save(2, rax);
            c.ShutDown();

            Label forever = c.CreateLabel();
            c.Label(ref second);
            c.Save(1, rbp);
            c.Label(ref forever);
            c.jmp(forever);
        }, vcpus: 2);

        guest.Result(0).ShouldBe(0ul);
        guest.Result(1).ShouldBe(0x4711ul);
        guest.Result(2).ShouldBe(1ul);
    }

    [Fact]
    public void A_vcpu_is_initialised_once()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label second = c.CreateLabel();
            VcpuCode.InitialiseSecond(c, second);
            c.Call(VcpuCode.VcpuOp, VcpuCode.InitialiseCommand, 1, VcpuCode.Context);
            c.Save(0, rax);
            c.Label(ref second);
            c.ShutDown();
        }, vcpus: 2);

        ((long)guest.Result(0)).ShouldBe(XenErrno.EEXIST);
    }

    [Fact]
    public void Vcpu_info_is_moved_once()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.FrameOf(GuestCode.FreePage);
            c.mov(__[GuestCode.Arguments], rax);
            c.mov(__dword_ptr[GuestCode.Arguments + 8], 0x40);
            c.Call(VcpuCode.VcpuOp, RegisterVcpuInfo, 0, GuestCode.Arguments);
            c.Save(0, rax);
            c.movzx(eax, __byte_ptr[GuestCode.FreePage + 0x40]);
            c.Save(1, rax);
            c.Call(VcpuCode.VcpuOp, RegisterVcpuInfo, 0, GuestCode.Arguments);
            c.Save(2, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
        guest.Result(1).ShouldBe(1ul, "everything is looked at once, lest an event was told at the old place");
        ((long)guest.Result(2)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_poll_of_a_pending_port_returns_at_once()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            EventCode.BindIpi(c);
            EventCode.Send(c);
            VcpuCode.Poll(c, timeout: 0);
            c.Save(0, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
    }

    [Fact]
    public void A_poll_ends_at_its_timeout()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            EventCode.BindIpi(c);
            VcpuCode.Poll(c, timeout: 1);
            c.Save(0, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
    }

    [Fact]
    public void A_poll_of_a_masked_port_ends_when_another_vcpu_sends_to_it()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label second = c.CreateLabel();
            c.MapSharedInfo();
            EventCode.BindIpi(c);
            c.mov(__qword_ptr[GuestCode.EventMask], -1);
            VcpuCode.InitialiseSecond(c, second);
            c.Call(VcpuCode.VcpuOp, VcpuCode.UpCommand, 1);
            VcpuCode.Poll(c, timeout: 0);
            c.ShutDown();

            Label forever = c.CreateLabel();
            c.Label(ref second);
            EventCode.Send(c);
            c.Label(ref forever);
            c.jmp(forever);
        }, vcpus: 2);
    }

    [Fact]
    public void A_running_vcpus_runstate_says_so_and_counts_its_time()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(VcpuCode.VcpuOp, GetRunstateInfo, 0, GuestCode.Results);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe((ulong)Runstate.Running);
        guest.Result(2).ShouldBeGreaterThan(0ul);
    }
}
