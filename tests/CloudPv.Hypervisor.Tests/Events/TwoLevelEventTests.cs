using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Events;

/// <summary>Event channels with the 2-level ABI (xen/include/public/event_channel.h, xen.h).</summary>
public sealed class TwoLevelEventTests
{
    [Fact]
    public void An_event_sets_its_pending_bit_its_words_selector_bit_and_the_upcall_flag()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.MapSharedInfo();
            EventCode.BindIpi(c);
            EventCode.Send(c);
            c.SaveFrom(0, __[GuestCode.EventPending]);
            c.SaveFrom(1, __[GuestCode.PendingSelector]);
            c.movzx(eax, __byte_ptr[GuestCode.UpcallPending]);
            c.Save(2, rax);
            c.mov(eax, __dword_ptr[EventCode.Port]);
            c.Save(3, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul << (int)guest.Result(3));
        guest.Result(1).ShouldBe(1ul);
        guest.Result(2).ShouldBe(1ul);
    }

    [Fact]
    public void A_masked_port_becomes_pending_and_nothing_else()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.MapSharedInfo();
            EventCode.BindIpi(c);
            c.mov(__qword_ptr[GuestCode.EventMask], -1);
            EventCode.Send(c);
            c.SaveFrom(0, __[GuestCode.EventPending]);
            c.SaveFrom(1, __[GuestCode.PendingSelector]);
            c.ShutDown();
        });

        guest.Result(0).ShouldNotBe(0ul);
        guest.Result(1).ShouldBe(0ul);
    }

    [Fact]
    public void Unmasking_a_pending_port_tells_it_anew()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.MapSharedInfo();
            EventCode.BindIpi(c);
            c.mov(__qword_ptr[GuestCode.EventMask], -1);
            EventCode.Send(c);
            c.Call(EventCode.EventChannelOp, EventCode.UnmaskCommand, EventCode.Port);
            c.SaveFrom(0, __[GuestCode.PendingSelector]);
            c.movzx(eax, __byte_ptr[GuestCode.UpcallPending]);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul);
        guest.Result(1).ShouldBe(1ul);
    }

    [Fact]
    public void With_upcalls_open_the_event_callback_is_entered_with_upcalls_masked()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel();
            c.MapSharedInfo();
            EventCode.BindIpi(c);
            c.SetCallbacks(callback, callback, callback);
            c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
            EventCode.Send(c);
            c.ShutDown(reason: 3);
            c.Label(ref callback);
            c.movzx(eax, __byte_ptr[GuestCode.UpcallMask]);
            c.Save(0, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul);
    }

    [Fact]
    public void A_closed_port_cannot_be_sent_to()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            EventCode.BindIpi(c);
            c.Call(EventCode.EventChannelOp, EventCode.CloseCommand, EventCode.Port);
            c.Save(0, rax);
            EventCode.Send(c);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
        ((long)guest.Result(1)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_virtual_interrupt_is_bound_once()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            EventCode.BindVirq(c, virq: 0);
            c.Save(0, rax);
            EventCode.BindVirq(c, virq: 0);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
        ((long)guest.Result(1)).ShouldBe(XenErrno.EEXIST);
    }

    [Fact]
    public void A_loop_between_two_ports_of_one_domain_carries_events()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.MapSharedInfo();
            const uint Self = 0x7ff0;
            // alloc_unbound(SELF, SELF), then bind_interdomain(SELF, that port).
            c.mov(__dword_ptr[GuestCode.Arguments], Self | Self << 16);
            c.Call(EventCode.EventChannelOp, EventCode.AllocUnboundCommand, GuestCode.Arguments);
            c.mov(eax, __dword_ptr[GuestCode.Arguments + 4]);
            c.mov(__dword_ptr[GuestCode.Arguments + 20], eax);
            c.mov(__dword_ptr[GuestCode.Arguments + 16], Self);
            c.Call(EventCode.EventChannelOp, EventCode.BindInterdomainCommand, GuestCode.Arguments + 16);
            c.mov(eax, __dword_ptr[GuestCode.Arguments + 24]);
            c.mov(__dword_ptr[EventCode.Port], eax);
            c.mov(__qword_ptr[GuestCode.EventPending], 0);
            EventCode.Send(c);
            c.SaveFrom(0, __[GuestCode.EventPending]);
            c.mov(eax, __dword_ptr[GuestCode.Arguments + 4]);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul << (int)guest.Result(1), "the other end");
    }
}
