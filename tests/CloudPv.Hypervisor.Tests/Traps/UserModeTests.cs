using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>The way to user mode by HYPERVISOR_iret, and back by SYSCALL and faults. User and kernel share one page table here.</summary>
public sealed class UserModeTests
{
    private const int SetSegmentBase = 25;
    private const byte InvalidOpcode = 6;

    [Fact]
    public void Syscall_in_user_mode_enters_the_syscall_callback_on_the_kernel_stack()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel(), behind = c.CreateLabel();
            c.PrepareUserMode();
            c.SetCallbacks(callback, callback, callback);
            c.lea(rax, __[behind]);
            c.Save(10, rax);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.syscall();
            c.Label(ref behind);
            c.ud2();
            c.Label(ref callback);
            for (int word = 0; word < 7; word++)
                c.SaveFrom(word, __[rsp + word * 8]);
            c.Save(11, rsp);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(10), "rcx is the return address");
        guest.Result(1).ShouldBe(guest.Result(4) & ~0x200ul | 0x200, "r11 is the flags");
        guest.Result(2).ShouldBe(guest.Result(10));
        ((ushort)guest.Result(3)).ShouldBe((ushort)0xe033, "user code shows ring 3");
        guest.Result(5).ShouldBe((ulong)UserModeCode.UserStack);
        guest.Result(11).ShouldBe((ulong)UserModeCode.KernelStack - 7 * 8);
    }

    /// <summary>The PV ABI's fixed SYSCALL_MASK. (Xen 4.17.7 means to, but loses its mask on the way.)</summary>
    [Fact]
    public void The_syscall_callback_finds_the_direction_flag_clear_and_the_frame_has_it()
    {
        const ulong Direction = 1 << 10;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel();
            c.PrepareUserMode();
            c.SetCallbacks(callback, callback, callback);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.std();
            c.syscall();
            c.Label(ref callback);
            c.pushfq();
            c.pop(rax);
            c.cld();
            c.Save(0, rax);
            c.SaveFrom(1, __[rsp + 32]);
            c.ShutDown();
        });

        (guest.Result(0) & Direction).ShouldBe(0ul);
        (guest.Result(1) & Direction).ShouldBe(Direction);
    }

    [Fact]
    public void A_fault_in_user_mode_comes_on_the_kernel_stack_with_the_user_selector()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), user = c.CreateLabel();
            c.PrepareUserMode();
            c.SetTraps(new Gate(InvalidOpcode, 0, handler));
            c.GoToUserMode(user);
            c.Label(ref user);
            c.ud2();
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 24]);
            c.Save(1, rsp);
            c.ShutDown();
        });

        ((ushort)guest.Result(0)).ShouldBe((ushort)0xe033);
        guest.Result(1).ShouldBe((ulong)UserModeCode.KernelStack - 7 * 8);
    }

    [Fact]
    public void The_gs_bases_change_places_with_the_mode()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel();
            c.PrepareUserMode();
            c.SetCallbacks(callback, callback, callback);
            c.mov(__qword_ptr[0x4200], 0x55);
            c.mov(__qword_ptr[0x4300], 0x66);
            c.Call(SetSegmentBase, 1, 0x4200);
            c.Call(SetSegmentBase, 2, 0x4300);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.mov(rbp, __qword_ptr.gs[0]);
            c.syscall();
            c.Label(ref callback);
            c.Save(0, rbp);
            c.SaveFrom(1, __qword_ptr.gs[0]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x55ul);
        guest.Result(1).ShouldBe(0x66ul);
    }

    [Fact]
    public void Iret_to_user_mode_without_user_page_tables_crashes_the_domain()
    {
        using var guest = new TestGuest(c =>
        {
            Label user = c.CreateLabel();
            c.GoToUserMode(user);
            c.Label(ref user);
            c.ShutDown();
        });
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.Crash);
    }

    [Fact]
    public void A_return_to_32_bit_code_is_a_protection_fault_there()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), user = c.CreateLabel();
            c.PrepareUserMode();
            c.SetTraps(new Gate(13, 0, handler));
            c.GoToUserMode(user, FlatSelectors.Code32);
            c.Label(ref user);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.SaveFrom(1, __[rsp + 32]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(FlatSelectors.Code32 & ~3ul, "the error code is the selector");
        ((ushort)guest.Result(1)).ShouldBe(FlatSelectors.Code32);
    }

    [Fact]
    public void A_privileged_instruction_in_user_mode_stays_a_protection_fault()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), user = c.CreateLabel();
            c.PrepareUserMode();
            c.SetTraps(new Gate(13, 0, handler));
            c.GoToUserMode(user);
            c.Label(ref user);
            c.mov(rax, cr0);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 32]);
            c.ShutDown();
        });

        ((ushort)guest.Result(0)).ShouldBe((ushort)0xe033);
    }
}
