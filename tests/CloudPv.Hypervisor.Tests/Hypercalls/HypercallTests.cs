using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Hypercalls;

/// <summary>How hypercalls are called and refused.</summary>
public sealed class HypercallTests
{
    private const int Multicall = 13, XenVersion = 17, ConsoleIo = 18, KexecOp = 37, SetTimerOp = 15;

    [Fact]
    public void A_hypercall_leaves_its_return_address_in_rcx_and_the_flags_in_r11()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label behind = c.CreateLabel();
            c.lea(rax, __[behind]);
            c.Save(10, rax);
            c.xor(edi, edi);
            c.xor(esi, esi);
            c.mov(eax, XenVersion);
            c.syscall();
            c.Label(ref behind);
            c.Save(0, rcx);
            c.Save(1, r11);
            c.Save(2, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(10));
        (guest.Result(1) & 0x202).ShouldBe(0x202ul);
        guest.Result(2).ShouldBe((4ul << 16) | 17);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(38)]
    [InlineData(63)]
    [InlineData(1000)]
    public void An_unknown_number_is_enosys_and_counted(int number)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(eax, number);
            c.syscall();
            c.Save(0, rax);
            c.ShutDown();
        });

        ((long)guest.Result(0)).ShouldBe(XenErrno.ENOSYS);
        guest.Domain.Counters.Hypercalls.Where(call => call.Key is "unknown" or "TmemOp").Sum(call => (long)call.Value).ShouldBe(1);
    }

    [Theory]
    [InlineData(ConsoleIo)]
    [InlineData(KexecOp)]
    public void What_is_dom0s_is_eperm(int number)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(number, 0, 0, 0);
            c.Save(0, rax);
            c.ShutDown();
        });

        ((long)guest.Result(0)).ShouldBe(XenErrno.EPERM);
    }

    [Fact]
    public void A_multicall_stores_each_entrys_result_and_goes_on_behind_a_failure()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Entry(c, 0, 1000);
            Entry(c, 1, XenVersion);
            Entry(c, 2, SetTimerOp);
            c.Call(Multicall, GuestCode.Arguments, 3);
            c.Save(0, rax);
            for (int index = 0; index < 3; index++)
                c.SaveFrom(1 + index, __[GuestCode.Arguments + index * 64 + 8]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
        ((long)guest.Result(1)).ShouldBe(XenErrno.ENOSYS);
        guest.Result(2).ShouldBe((4ul << 16) | 17);
        guest.Result(3).ShouldBe(0ul);
    }

    [Fact]
    public void A_multicall_within_a_multicall_is_einval()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Entry(c, 0, Multicall);
            c.Call(Multicall, GuestCode.Arguments, 1);
            c.SaveFrom(0, __[GuestCode.Arguments + 8]);
            c.ShutDown();
        });

        ((long)guest.Result(0)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_multicall_whose_list_cannot_be_read_is_efault()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(Multicall, 0x7fff_0000_0000, 1);
            c.Save(0, rax);
            c.ShutDown();
        });

        ((long)guest.Result(0)).ShouldBe(XenErrno.EFAULT);
    }

    [Fact]
    public void The_capabilities_are_those_of_a_64_bit_xen()
    {
        const int Capabilities = 3;
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(XenVersion, Capabilities, GuestCode.Results);
            c.ShutDown();
        });

        guest.Page(GuestCode.Results)[..16].SequenceEqual("xen-3.0-x86_64 \0"u8).ShouldBeTrue();
    }

    [Fact]
    public void The_feature_map_is_real_xens()
    {
        const int GetFeatures = 6;
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.Call(XenVersion, GetFeatures, GuestCode.Results);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x220f0ul << 32);
    }

    private static void Entry(Assembler c, int index, int number)
    {
        long entry = GuestCode.Arguments + index * 64;
        c.mov(__qword_ptr[entry], number);
        c.mov(__qword_ptr[entry + 16], 0);
        c.mov(__qword_ptr[entry + 24], 0);
    }
}
