using CloudPv.Guests;
using CloudPv.Xen;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Events;

/// <summary>Event channels between a guest and a backend in dom0.</summary>
public sealed class Dom0EventTests
{
    private const int SchedOp = 29, Block = 1;

    [Fact]
    public void A_guests_send_reaches_the_backend()
    {
        using var received = new SemaphoreSlim(0);
        using var guest = new TestGuest(c =>
        {
            c.mov(eax, __dword_ptr[rsi + 80]);
            c.mov(__dword_ptr[EventCode.Port], eax);
            EventCode.Send(c);
            c.Save(0, rax);
            c.ShutDown();
        });
        using IEventChannel? channel = guest.Domain.TryBindInterdomain(guest.Domain.ConsolePort, () => received.Release());
        channel.ShouldNotBeNull();
        received.Wait(TimeSpan.FromSeconds(60)).ShouldBeTrue("once for what may have been sent before");

        guest.Domain.Unpause();
        guest.WaitForEnd();

        received.Wait(TimeSpan.FromSeconds(60)).ShouldBeTrue();
        guest.Result(0).ShouldBe(0ul);
    }

    [Fact]
    public void A_backends_notification_wakes_a_blocked_guest()
    {
        using var guest = new TestGuest(c =>
        {
            c.MapSharedInfo();
            var callback = c.CreateLabel();
            c.SetCallbacks(callback, callback, callback);
            c.mov(__qword_ptr[GuestCode.Results + 8], 1);
            c.Call(SchedOp, Block);
            c.ShutDown(reason: 3);
            c.Label(ref callback);
            c.SaveFrom(0, __[GuestCode.EventPending]);
            c.ShutDown();
        });
        using IEventChannel? channel = guest.Domain.TryBindInterdomain(guest.Domain.ConsolePort, static () => { });
        guest.Domain.Unpause();
        guest.WaitForResult(1);

        channel!.Notify();

        guest.WaitForEnd().ShouldBe(ShutdownReason.PowerOff);
        guest.Result(0).ShouldBe(1ul << (int)guest.Domain.ConsolePort.Value);
    }

    [Fact]
    public void A_port_that_is_bound_cannot_be_bound_again()
    {
        using var guest = new TestGuest(static c => c.ShutDown());
        using IEventChannel? first = guest.Domain.TryBindInterdomain(guest.Domain.ConsolePort, static () => { });

        guest.Domain.TryBindInterdomain(guest.Domain.ConsolePort, static () => { }).ShouldBeNull();
    }

    [Fact]
    public void After_the_backend_closed_its_end_another_may_bind()
    {
        using var guest = new TestGuest(static c => c.ShutDown());
        guest.Domain.TryBindInterdomain(guest.Domain.ConsolePort, static () => { })!.Dispose();

        using IEventChannel? second = guest.Domain.TryBindInterdomain(guest.Domain.ConsolePort, static () => { });

        second.ShouldNotBeNull();
    }

    [Fact]
    public void A_port_of_the_guests_own_is_not_for_dom0()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            EventCode.BindIpi(c);
            c.mov(eax, __dword_ptr[EventCode.Port]);
            c.Save(0, rax);
            c.ShutDown();
        });

        guest.Domain.TryBindInterdomain(new EventPort((uint)guest.Result(0)), static () => { }).ShouldBeNull();
        guest.Domain.TryBindInterdomain(new EventPort(100_000), static () => { }).ShouldBeNull();
    }
}
