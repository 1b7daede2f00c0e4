using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>Instructions that Xen carries out for a PV kernel, and those that it leaves a #GP.</summary>
public sealed class PrivilegedInstructionTests
{
    private const byte GeneralProtection = 13;
    private const uint ApicBase = 0x1b, DebugCtl = 0x1d9, Efer = 0xc0000080, FsBase = 0xc0000100;
    private const int PhysdevOp = 33, SetIopl = 6;

    [Fact]
    public void Control_registers_read_as_on_real_xen()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(rax, cr0);
            c.Save(0, rax);
            c.mov(rax, cr4);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x80050033ul);
        guest.Result(1).ShouldBe(0x660ul);
    }

    [Fact]
    public void A_known_msr_is_read()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            ReadMsr(c, ApicBase, slot: 0);
            ReadMsr(c, Efer, slot: 1);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0xfee00900ul, "enabled, of the bootstrap processor");
        guest.Result(1).ShouldBe(0xd01ul);
    }

    [Fact]
    public void Debugctl_is_a_protection_fault() => Faults(c =>
    {
        c.mov(ecx, DebugCtl);
        c.rdmsr();
    });

    [Fact]
    public void Before_there_is_a_protection_fault_handler_an_unknown_msr_reads_0()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(rax, -1);
            c.Save(0, rax);
            ReadMsr(c, DebugCtl, slot: 0);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
    }

    [Fact]
    public void A_written_fs_base_is_used()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(__qword_ptr[0x4200], 0x77);
            c.mov(ecx, FsBase);
            c.mov(eax, 0x4200);
            c.xor(edx, edx);
            c.wrmsr();
            c.SaveFrom(0, __qword_ptr.fs[0]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x77ul);
    }

    [Fact]
    public void Port_io_without_iopl_is_a_protection_fault() => Faults(c => c.@in(al, 0x61));

    [Fact]
    public void With_iopl_a_port_reads_all_ones()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(__dword_ptr[GuestCode.Arguments], 1);
            c.Call(PhysdevOp, SetIopl, GuestCode.Arguments);
            c.xor(eax, eax);
            c.@in(eax, 0x61);
            c.Save(0, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0xffff_fffful);
    }

    [Fact]
    public void Hlt_is_a_protection_fault() => Faults(c => c.hlt());

    [Fact]
    public void Swapgs_is_a_protection_fault() => Faults(c => c.swapgs());

    [Fact]
    public void Wbinvd_does_nothing()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.wbinvd();
            c.ShutDown();
        });
    }

    [Fact]
    public void Forced_cpuid_tells_xen()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(eax, 0x40000000);
            c.db(0x0f, 0x0b, (byte)'x', (byte)'e', (byte)'n', 0x0f, 0xa2);
            c.Save(0, rbx);
            c.mov(eax, 0x40000001);
            c.db(0x0f, 0x0b, (byte)'x', (byte)'e', (byte)'n', 0x0f, 0xa2);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(BitConverter.ToUInt32("XenV"u8));
        guest.Result(1).ShouldBe((4ul << 16) | 17, "4.17");
    }

    [Fact]
    public void Cpuid_hides_what_a_guest_may_not_have()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(eax, 1);
            c.cpuid();
            c.Save(0, rcx);
            c.mov(eax, 7);
            c.xor(ecx, ecx);
            c.cpuid();
            c.Save(1, rbx);
            c.ShutDown();
        });

        const ulong Monitor = 1 << 3, Pcid = 1 << 17, X2Apic = 1 << 21, Hypervisor = 1ul << 31;
        (guest.Result(0) & (Monitor | Pcid | X2Apic)).ShouldBe(0ul);
        (guest.Result(0) & Hypervisor).ShouldBe(Hypervisor);
        const ulong Fsgsbase = 1 << 0, Smep = 1 << 7, Avx512F = 1 << 16, Smap = 1 << 20;
        (guest.Result(1) & (Fsgsbase | Smep | Avx512F | Smap)).ShouldBe(0ul);
    }

    [Fact]
    public void Cpuid_tells_the_rate_of_the_time_stamp_counter_in_megahertz()
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(eax, 0);
            c.cpuid();
            c.Save(0, rax);
            c.mov(eax, 0x16);
            c.cpuid();
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x16ul);
        ((double)guest.Result(1)).ShouldBe(new SystemClock().TscFrequency / 1e6, tolerance: 1);
    }

    private static readonly Dictionary<string, Action<Assembler>> Emulated = new(StringComparer.Ordinal)
    {
        ["cpuid"] = static c => c.cpuid(),
        ["forced cpuid"] = static c => c.db(0x0f, 0x0b, (byte)'x', (byte)'e', (byte)'n', 0x0f, 0xa2),
        ["mov from cr0"] = static c => c.mov(rax, cr0),
        ["rdmsr"] = static c => c.rdmsr(),
        ["wbinvd"] = static c => c.wbinvd(),
    };

    public static TheoryData<string> EmulatedNames => [.. Emulated.Keys];

    [Theory]
    [MemberData(nameof(EmulatedNames))]
    public void A_single_step_ends_behind_an_instruction_that_is_carried_out_for_the_guest(string name)
    {
        const byte Debug = 1;
        const int GetDebugreg = 9;
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel(), behind = c.CreateLabel();
            c.SetTraps(new Gate(Debug, 0, handler));
            c.lea(rax, __[behind]);
            c.Save(10, rax);
            c.xor(eax, eax);
            c.mov(ecx, ApicBase);
            c.pushfq();
            c.or(__qword_ptr[rsp], 0x100);
            c.popfq();
            Emulated[name](c);
            c.Label(ref behind);
            c.nop();
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.Call(GetDebugreg, 6);
            c.Save(1, rax);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(guest.Result(10));
        guest.Result(1).ShouldBe(0xffff4ff0ul);
    }

    private static void ReadMsr(Assembler c, uint index, int slot)
    {
        c.mov(ecx, index);
        c.rdmsr();
        c.shl(rdx, 32);
        c.or(rax, rdx);
        c.Save(slot, rax);
    }

    /// <summary>The instruction raises #GP(0).</summary>
    internal static void Faults(Action<Assembler> instruction)
    {
        using TestGuest guest = TestGuest.Run(c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(GeneralProtection, 0, handler));
            c.mov(rax, -1);
            c.Save(0, rax);
            instruction(c);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0ul);
    }
}
