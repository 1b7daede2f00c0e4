using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Events;

/// <summary>Event channels with the FIFO ABI (xen/include/public/event_channel.h). The control block stands at <see cref="ControlBlock"/>, event words at the free page.</summary>
public sealed class FifoEventTests
{
    private const long ControlBlock = 0x4400;
    private const long Head = ControlBlock + 8;
    private const long Second = 0x4104, Third = 0x4108;
    private const uint Pending = 1u << 31, Masked = 1u << 30, Linked = 1u << 29;

    [Fact]
    public void An_event_is_pending_and_linked_and_heads_the_queue_of_its_priority()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            UseFifo(c);
            EventCode.BindIpi(c);
            EventCode.Send(c);
            SaveWord(c, slot: 0, EventCode.Port);
            SaveDword(c, slot: 1, Head + 7 * 4);
            SaveDword(c, slot: 2, ControlBlock);
            SaveDword(c, slot: 3, EventCode.Port);
            c.movzx(eax, __byte_ptr[GuestCode.UpcallPending]);
            c.Save(4, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(Pending | Linked);
        guest.Result(1).ShouldBe(guest.Result(3));
        guest.Result(2).ShouldBe(1ul << 7, "the default priority is ready");
        guest.Result(4).ShouldBe(1ul);
    }

    [Fact]
    public void A_second_event_is_linked_behind_the_first()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            UseFifo(c);
            EventCode.BindIpi(c);
            EventCode.BindIpi(c, port: Second);
            EventCode.BindIpi(c, port: Third);
            EventCode.Send(c);
            EventCode.Send(c, Second);
            EventCode.Send(c, Third);
            SaveWord(c, slot: 0, EventCode.Port);
            SaveWord(c, slot: 1, Second);
            SaveWord(c, slot: 2, Third);
            SaveDword(c, slot: 3, Second);
            SaveDword(c, slot: 4, Third);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe((Pending | Linked) + guest.Result(3));
        guest.Result(1).ShouldBe((Pending | Linked) + guest.Result(4));
        guest.Result(2).ShouldBe(Pending | Linked);
    }

    [Fact]
    public void A_masked_event_is_pending_but_not_linked()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            UseFifo(c);
            EventCode.BindIpi(c);
            Mask(c);
            EventCode.Send(c);
            SaveWord(c, slot: 0, EventCode.Port);
            SaveDword(c, slot: 1, ControlBlock);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(Pending | Masked);
        guest.Result(1).ShouldBe(0ul);
    }

    [Fact]
    public void Unmasking_links_a_pending_event()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            UseFifo(c);
            EventCode.BindIpi(c);
            Mask(c);
            EventCode.Send(c);
            c.Call(EventCode.EventChannelOp, EventCode.UnmaskCommand, EventCode.Port);
            SaveWord(c, slot: 0, EventCode.Port);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(Pending | Linked);
    }

    [Fact]
    public void A_port_of_another_priority_goes_to_that_queue()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            UseFifo(c);
            EventCode.BindIpi(c);
            c.mov(eax, __dword_ptr[EventCode.Port]);
            c.mov(__dword_ptr[GuestCode.Arguments], eax);
            c.mov(__dword_ptr[GuestCode.Arguments + 4], 2);
            c.Call(EventCode.EventChannelOp, EventCode.SetPriorityCommand, GuestCode.Arguments);
            EventCode.Send(c);
            SaveDword(c, slot: 0, Head + 2 * 4);
            SaveDword(c, slot: 1, ControlBlock);
            SaveDword(c, slot: 2, EventCode.Port);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(2));
        guest.Result(1).ShouldBe(1ul << 2);
    }

    [Fact]
    public void An_event_whose_predecessor_was_consumed_heads_the_queue_again()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            UseFifo(c);
            EventCode.BindIpi(c);
            EventCode.BindIpi(c, port: Second);
            EventCode.Send(c);
            // The guest takes the first event off: ready cleared, head 0, LINKED and PENDING cleared.
            c.mov(__dword_ptr[ControlBlock], 0);
            c.mov(__dword_ptr[Head + 7 * 4], 0);
            c.mov(eax, __dword_ptr[EventCode.Port]);
            c.mov(__dword_ptr[rax * 4 + GuestCode.FreePage], 0);
            EventCode.Send(c, Second);
            SaveDword(c, slot: 0, Head + 7 * 4);
            SaveDword(c, slot: 1, Second);
            SaveDword(c, slot: 2, ControlBlock);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(1));
        guest.Result(2).ShouldBe(1ul << 7);
    }

    [Fact]
    public void An_event_from_before_its_word_stood_there_is_told_when_the_page_comes()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.MapSharedInfo();
            EventCode.BindIpi(c);
            EventCode.Send(c);
            c.MapFifo();
            SaveWord(c, slot: 0, EventCode.Port);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(Pending | Linked);
    }

    private static void UseFifo(Assembler c)
    {
        c.MapSharedInfo();
        c.MapFifo();
    }

    private static void Mask(Assembler c)
    {
        c.mov(eax, __dword_ptr[EventCode.Port]);
        c.mov(__dword_ptr[rax * 4 + GuestCode.FreePage], Masked);
    }

    private static void SaveWord(Assembler c, int slot, long port)
    {
        c.mov(eax, __dword_ptr[port]);
        c.mov(eax, __dword_ptr[rax * 4 + GuestCode.FreePage]);
        c.Save(slot, rax);
    }

    private static void SaveDword(Assembler c, int slot, long address)
    {
        c.mov(eax, __dword_ptr[address]);
        c.Save(slot, rax);
    }
}

file static class FifoSetup
{
    /// <summary>init_control for vCPU 0 with the control block at 0x4400, then expand_array with the free page.</summary>
    public static void MapFifo(this Assembler c)
    {
        const int Offset = 0x400;
        c.FrameOf(0x4000);
        c.mov(__[GuestCode.Arguments], rax);
        c.mov(__dword_ptr[GuestCode.Arguments + 8], Offset);
        c.mov(__dword_ptr[GuestCode.Arguments + 12], 0);
        c.Call(EventCode.EventChannelOp, EventCode.InitControlCommand, GuestCode.Arguments);
        c.FrameOf(GuestCode.FreePage);
        c.mov(__[GuestCode.Arguments], rax);
        c.Call(EventCode.EventChannelOp, EventCode.ExpandArrayCommand, GuestCode.Arguments);
    }
}
