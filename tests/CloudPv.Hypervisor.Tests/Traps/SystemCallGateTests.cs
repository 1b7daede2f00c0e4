using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>System calls and returns that stay in translated code: they show the guest what those show that leave it. The first of each always leaves.</summary>
public sealed class SystemCallGateTests
{
    private const int UpdateDescriptor = 10, SetGdt = 2;

    [Fact]
    public void System_calls_and_returns_stay_in_translated_code()
    {
        const int Rounds = 1000;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel(), end = c.CreateLabel();
            Prepare(c, callback);
            c.mov(ebx, Rounds);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.syscall();
            c.jmp(user);
            c.Label(ref callback);
            c.dec(ebx);
            c.je(end);
            ReturnFromSystemCall(c);
            c.Label(ref end);
            c.ShutDown();
        });

        DomainCounters counters = guest.Domain.Counters;
        counters.Translator["SystemCalls"].ShouldBeGreaterThan((ulong)Rounds - 10);
        counters.Translator["SystemCallReturns"].ShouldBeGreaterThan((ulong)Rounds - 10);
        counters.Exits["Syscall"].ShouldBeLessThan(30ul);
    }

    /// <summary>The frame, the registers and the flags of the first call, which leaves translated code, are those of the others.</summary>
    [Fact]
    public void The_kernel_finds_what_it_finds_otherwise()
    {
        const int Words = 7 + 4, Rounds = 3;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel(), end = c.CreateLabel();
            Prepare(c, callback);
            c.xor(ebx, ebx);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.mov(ecx, 0x7fff_ffff);
            c.std();
            c.mov(r11d, 0x1234);
            c.mov(r9d, 0x99);
            c.mov(r10d, 0xaa);
            c.add(ecx, 1); // OF, SF, AF, PF
            c.syscall();
            c.jmp(user);
            c.Label(ref callback);
            c.mov(__qword_ptr[(rbx * 8) + (int)(GuestCode.Results + (7 * 8))], rcx);
            c.mov(__qword_ptr[(rbx * 8) + (int)(GuestCode.Results + (8 * 8))], r11);
            c.pushfq();
            c.pop(__qword_ptr[(rbx * 8) + (int)(GuestCode.Results + (9 * 8))]);
            c.mov(__qword_ptr[(rbx * 8) + (int)(GuestCode.Results + (10 * 8))], rsp);
            for (int word = 0; word < 7; word++)
            {
                c.mov(rax, __[rsp + (word * 8)]);
                c.mov(__qword_ptr[(rbx * 8) + (int)(GuestCode.Results + (word * 8))], rax);
            }
            c.add(ebx, Words);
            c.cmp(ebx, Words * Rounds);
            c.je(end);
            ReturnFromSystemCall(c);
            c.Label(ref end);
            c.cld();
            c.ShutDown();
        });

        for (int word = 0; word < Words; word++)
        {
            guest.Result(Words + word).ShouldBe(guest.Result(word), $"word {word}");
            guest.Result((2 * Words) + word).ShouldBe(guest.Result(word), $"word {word}");
        }
    }

    [Fact]
    public void User_code_finds_the_registers_and_flags_of_the_frame()
    {
        const ulong AllFlags = 0xcd5;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel(), end = c.CreateLabel();
            Prepare(c, callback);
            c.mov(ebx, 4);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.Save(2, rcx);
            c.Save(3, r11);
            c.Save(4, rax);
            c.Save(6, rsp);
            c.pushfq();
            c.pop(rdx);
            c.Save(5, rdx);
            c.mov(esp, (int)UserModeCode.UserStack);
            c.syscall();
            c.Label(ref callback);
            c.dec(ebx);
            c.je(end);
            c.add(rsp, 7 * 8);
            c.PushReturnFrame(user, 0x202 | AllFlags, UserModeCode.UserStack - 64);
            c.push(0);
            c.mov(rax, 0x1111);
            c.push(rax);
            c.mov(rax, 0x2222);
            c.push(rax);
            c.mov(rax, 0x3333);
            c.push(rax);
            c.mov(eax, UserModeCode.Iret);
            c.syscall();
            c.Label(ref end);
            c.cld();
            c.ShutDown();
        });

        guest.Domain.Counters.Translator["SystemCallReturns"].ShouldBeGreaterThanOrEqualTo(2ul);
        guest.Result(2).ShouldBe(0x1111ul);
        guest.Result(3).ShouldBe(0x2222ul);
        guest.Result(4).ShouldBe(0x3333ul);
        guest.Result(5).ShouldBe(0x202ul | AllFlags);
        guest.Result(6).ShouldBe((ulong)UserModeCode.UserStack - 64);
    }

    /// <summary>As after an interrupt between the two. That must not look like code that hands flags on from call to call, which costs all code its speed.</summary>
    [Fact]
    public void A_return_between_a_comparison_and_its_jump_brings_the_flags_and_costs_nothing()
    {
        const int Rounds = 100;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel(), wrong = c.CreateLabel(), end = c.CreateLabel();
            Prepare(c, callback);
            c.mov(ebx, Rounds);
            c.mov(ebp, Rounds);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.cmp(ebx, ebp);
            c.syscall();
            c.jne(wrong);
            c.jmp(user);
            c.Label(ref wrong);
            c.ud2();
            c.Label(ref callback);
            c.dec(ebx);
            c.je(end);
            c.mov(ebp, ebx);
            ReturnFromSystemCall(c);
            c.Label(ref end);
            c.ShutDown();
        });

        guest.Domain.Counters.Translator["SystemCallReturns"].ShouldBeGreaterThan((ulong)Rounds - 10);
        guest.Domain.Counters.Translator["CodeFlushes"].ShouldBe(0ul);
    }

    [Theory]
    [InlineData(0x8000_0000_0000_0000)]
    [InlineData(0xffff_ffff_ffff_ffff)]
    public void A_return_to_where_nothing_is_faults_there(ulong target)
    {
        const byte GeneralProtection = 13, PageFault = 14;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), user = c.CreateLabel(), fault = c.CreateLabel(), goesOn = c.CreateLabel();
            Prepare(c, callback);
            c.SetTraps(new Gate(GeneralProtection, 0, fault), new Gate(PageFault, 0, fault));
            c.mov(ebx, 5);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.syscall();
            c.jmp(user);
            c.Label(ref callback);
            c.dec(ebx);
            c.jne(goesOn);
            c.mov(rax, target);
            c.mov(__[rsp + 16], rax);
            c.Label(ref goesOn);
            ReturnFromSystemCall(c);
            c.Label(ref fault);
            c.SaveFrom(0, __[rsp + 24]);
            c.Save(1, rbx);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(target);
        guest.Result(1).ShouldBe(0ul);
    }

    [Fact]
    public void An_event_that_waits_is_delivered_at_the_return()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), events = c.CreateLabel(), user = c.CreateLabel(), goesOn = c.CreateLabel();
            c.MapSharedInfo();
            Prepare(c, callback, events);
            c.mov(ebx, 5);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.syscall();
            c.jmp(user);
            c.Label(ref callback);
            c.dec(ebx);
            c.jne(goesOn);
            c.mov(__byte_ptr[GuestCode.UpcallPending], 1);
            c.Label(ref goesOn);
            ReturnFromSystemCall(c);
            c.Label(ref events);
            c.Save(0, rbx);
            c.movzx(eax, __byte_ptr[GuestCode.UpcallMask]);
            c.Save(1, rax);
            c.SaveFrom(2, __[rsp + 24]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
        guest.Result(1).ShouldBe(1ul, "the event callback masks");
        guest.Result(2).ShouldBe(0xe033ul, "it interrupted user code, upcalls open");
    }

    [Fact]
    public void A_return_with_the_trap_flag_steps_one_user_instruction()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), debug = c.CreateLabel(), user = c.CreateLabel(), goesOn = c.CreateLabel();
            Prepare(c, callback);
            c.SetTraps(new Gate(1, 0, debug));
            c.mov(ebx, 5);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.syscall();
            c.nop();
            c.jmp(user);
            c.Label(ref callback);
            c.dec(ebx);
            c.jne(goesOn);
            c.or(__dword_ptr[rsp + 32], 0x100);
            c.Label(ref goesOn);
            c.SaveFrom(0, __[rsp + 16]);
            ReturnFromSystemCall(c);
            c.Label(ref debug);
            c.SaveFrom(1, __[rsp + 16]);
            c.ShutDown();
        });

        guest.Result(1).ShouldBe(guest.Result(0) + 1);
    }

    /// <summary>Selectors of the guest's own GDT, which it takes away while they are known to be good.</summary>
    [Fact]
    public void A_descriptor_that_goes_is_missed_at_the_next_return()
    {
        const long Gdt = 0x3000;
        const byte GeneralProtection = 13;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label callback = c.CreateLabel(), fault = c.CreateLabel(), user = c.CreateLabel(), goesOn = c.CreateLabel();
            Prepare(c, callback);
            c.SetTraps(new Gate(GeneralProtection, 0, fault));
            c.mov(rax, 0x00affb000000ffff);
            c.mov(__[Gdt + 0x30], rax);
            c.FrameOf(Gdt);
            c.mov(rbp, rax);
            c.mov(__[GuestCode.Arguments], rax);
            ReadOnlyAt(c, Gdt);
            c.Call(SetGdt, GuestCode.Arguments, 512);
            c.Save(3, rax);
            c.mov(ebx, 6);
            c.GoToUserMode(user);
            c.Label(ref user);
            c.syscall();
            c.jmp(user);
            c.Label(ref callback);
            c.mov(__dword_ptr[rsp + 24], 0x33);
            c.dec(ebx);
            c.jne(goesOn);
            c.mov(rdi, rbp);
            c.shl(rdi, 12);
            c.add(rdi, 0x30);
            c.xor(esi, esi);
            c.Hypercall(UpdateDescriptor);
            c.Label(ref goesOn);
            ReturnFromSystemCall(c);
            c.Label(ref fault);
            c.Save(0, rbx);
            c.SaveFrom(1, __[rsp + 16]);
            c.ShutDown();
        });

        guest.Domain.Counters.Translator["SystemCallReturns"].ShouldBeGreaterThanOrEqualTo(3ul);
        guest.Result(3).ShouldBe(0ul, "set_gdt");
        guest.Result(0).ShouldBe(0ul);
        guest.Result(1).ShouldBe(0x30ul, "the error code is the selector");
    }

    private static void ReadOnlyAt(Assembler c, long page)
    {
        const int UpdateVaMapping = 14, PresentUser = 5, InvalidateLocal = 2;
        c.mov(rsi, rbp);
        c.shl(rsi, 12);
        c.or(rsi, PresentUser);
        c.mov(rdi, page);
        c.mov(edx, InvalidateLocal);
        c.Hypercall(UpdateVaMapping);
    }

    private static void Prepare(Assembler c, Label syscalls, Label? events = null)
    {
        c.PrepareUserMode();
        c.SetCallbacks(events ?? syscalls, syscalls, syscalls);
    }

    /// <summary>From a frame as the callback finds it: rcx, r11, rip, cs, rflags, rsp, ss.</summary>
    private static void ReturnFromSystemCall(Assembler c)
    {
        c.pop(rcx);
        c.pop(r11);
        c.push(0);
        c.push(rcx);
        c.push(r11);
        c.push(0);
        c.mov(eax, UserModeCode.Iret);
        c.syscall();
    }
}
