using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>What an exception's handler finds on its stack (xen/include/public/arch-x86/xen.h; SDM vol. 3, 6.13).</summary>
public sealed class TrapFrameTests
{
    private const byte InvalidOpcode = 6, GeneralProtection = 13, PageFault = 14;
    private const byte MasksUpcalls = 4;
    private const ulong InterruptFlag = 1 << 9;

    [Fact]
    public void A_frame_without_an_error_code_is_rcx_r11_rip_cs_rflags_rsp_ss()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), fault = c.CreateLabel();
            c.SetTraps(new Gate(InvalidOpcode, 0, handler));
            c.lea(rax, __[fault]);
            c.Save(10, rax);
            c.Save(11, rsp);
            c.mov(rcx, 0x1111);
            c.mov(r11, 0x2222);
            c.Label(ref fault);
            c.ud2();
            c.Label(ref handler);
            for (int word = 0; word < 7; word++)
                c.SaveFrom(word, __[rsp + word * 8]);
            c.Save(12, rsp);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x1111ul);
        guest.Result(1).ShouldBe(0x2222ul);
        guest.Result(2).ShouldBe(guest.Result(10), "rip is the faulting instruction");
        ((ushort)guest.Result(3)).ShouldBe((ushort)0xe030, "kernel code shows ring 0");
        guest.Result(5).ShouldBe(guest.Result(11), "rsp as it was");
        guest.Result(6).ShouldBe(0xe02bul);
        (guest.Result(12) & 15).ShouldBe(8ul, "seven words below an address that was aligned down to 16");
    }

    [Fact]
    public void An_error_code_stands_between_r11_and_rip()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), fault = c.CreateLabel();
            c.SetTraps(new Gate(GeneralProtection, 0, handler));
            c.lea(rax, __[fault]);
            c.Save(10, rax);
            c.Label(ref fault);
            c.@int(0x55);
            c.Label(ref handler);
            c.SaveFrom(2, __[rsp + 16]);
            c.SaveFrom(3, __[rsp + 24]);
            c.ShutDown();
        });

        guest.Result(2).ShouldBe((0x55ul << 3) | 2, "the gate's index, in the IDT");
        guest.Result(3).ShouldBe(guest.Result(10));
    }

    [Fact]
    public void A_frame_tells_the_upcall_mask_in_cs_and_its_inverse_in_the_interrupt_flag()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), open = c.CreateLabel();
            c.MapSharedInfo();
            c.SetTraps(new Gate(InvalidOpcode, 0, handler));
            c.xor(ebp, ebp);
            c.mov(__byte_ptr[GuestCode.UpcallMask], 1);
            c.ud2();
            c.Label(ref handler);
            c.test(ebp, ebp);
            c.jnz(open);
            c.SaveFrom(0, __[rsp + 24]);
            c.SaveFrom(1, __[rsp + 32]);
            c.inc(ebp);
            c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
            c.ud2();
            c.Label(ref open);
            c.SaveFrom(2, __[rsp + 24]);
            c.SaveFrom(3, __[rsp + 32]);
            c.ShutDown();
        });

        (guest.Result(0) >> 32).ShouldBe(1ul);
        (guest.Result(1) & InterruptFlag).ShouldBe(0ul);
        (guest.Result(2) >> 32).ShouldBe(0ul);
        (guest.Result(3) & InterruptFlag).ShouldBe(InterruptFlag);
    }

    [Fact]
    public void A_gate_with_the_interrupt_flag_masks_upcalls()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel();
            c.MapSharedInfo();
            c.SetTraps(new Gate(InvalidOpcode, MasksUpcalls, handler));
            c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
            c.ud2();
            c.Label(ref handler);
            c.movzx(eax, __byte_ptr[GuestCode.UpcallMask]);
            c.Save(0, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(1ul);
    }

    [Fact]
    public void A_page_fault_of_the_kernel_has_its_address_in_vcpu_info_and_no_user_bit()
    {
        const long Unmapped = 0x7fff_0000_1234;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel();
            c.MapSharedInfo();
            c.SetTraps(new Gate(PageFault, 0, handler));
            c.mov(rax, Unmapped);
            c.mov(__dword_ptr[rax], 1);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.SaveFrom(1, __[GuestCode.Cr2]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(2ul, "a write to a page that isn't there");
        guest.Result(1).ShouldBe((ulong)Unmapped);
    }

    [Fact]
    public void An_int_that_its_gate_allows_is_entered_behind_the_instruction_without_an_error_code()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), behind = c.CreateLabel();
            c.SetTraps(new Gate(0x80, 3, handler));
            c.lea(rax, __[behind]);
            c.Save(10, rax);
            c.@int(0x80);
            c.Label(ref behind);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(10));
    }

    [Fact]
    public void An_exception_without_a_handler_crashes_the_domain_and_leaves_its_registers_in_the_log()
    {
        using var guest = new TestGuest(c =>
        {
            c.mov(rbp, 0x0123_4567_89ab_cdef);
            c.ud2();
        });
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.Crash);
        guest.Log.ShouldContain("0123456789abcdef");
    }

    [Fact]
    public void A_trap_frame_that_the_stack_has_no_room_for_crashes_the_domain()
    {
        using var guest = new TestGuest(c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(InvalidOpcode, 0, handler));
            c.mov(rsp, 0x7fff_0000_0000);
            c.ud2();
            c.Label(ref handler);
            c.ShutDown();
        });
        guest.Domain.Unpause();

        guest.WaitForEnd().ShouldBe(ShutdownReason.Crash);
    }
}
