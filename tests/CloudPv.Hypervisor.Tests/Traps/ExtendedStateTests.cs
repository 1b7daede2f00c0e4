using System.Runtime.Intrinsics.X86;
using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>XSAVE and AVX as Xen gives them to a PV guest: CR4.OSXSAVE and XCR0 are the guest's own, and CPUID follows them.</summary>
public sealed class ExtendedStateTests
{
    private const ulong Osxsave = 1 << 27;
    private const int Cr4Osxsave = 1 << 18;

    [Fact]
    public void Osxsave_follows_cr4_but_for_forced_cpuid()
    {
        if (!Avx.IsSupported)
            Assert.Skip("The host has no AVX.");
        using TestGuest guest = TestGuest.Run(c =>
        {
            c.mov(eax, 1);
            c.cpuid();
            c.Save(0, rcx);
            c.mov(eax, 1);
            c.db(0x0f, 0x0b, (byte)'x', (byte)'e', (byte)'n', 0x0f, 0xa2);
            c.Save(1, rcx);
            EnableExtendedStates(c, 7);
            c.mov(eax, 1);
            c.cpuid();
            c.Save(2, rcx);
            c.mov(rax, cr4);
            c.Save(3, rax);
            c.ShutDown();
        });

        (guest.Result(0) & Osxsave).ShouldBe(0ul);
        (guest.Result(1) & Osxsave).ShouldBe(Osxsave, "so that the kernel knows that it may use XSAVE");
        (guest.Result(2) & Osxsave).ShouldBe(Osxsave);
        guest.Result(3).ShouldBe(0x660ul | Cr4Osxsave);
    }

    [Fact]
    public void A_guest_that_has_enabled_avx_uses_it()
    {
        if (!Avx2.IsSupported)
            Assert.Skip("The host has no AVX2.");
        using TestGuest guest = TestGuest.Run(c =>
        {
            EnableExtendedStates(c, 7);
            c.xor(ecx, ecx);
            c.xgetbv();
            c.Save(0, rax);
            c.vpcmpeqd(ymm1, ymm1, ymm1);
            c.mov(eax, 0x40000000);
            c.cpuid();
            c.vextracti128(xmm2, ymm1, 1);
            c.vmovq(rax, xmm2);
            c.Save(1, rax);
            c.mov(eax, 0xd);
            c.xor(ecx, ecx);
            c.cpuid();
            c.Save(2, rbx);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(7ul);
        guest.Result(1).ShouldBe(ulong.MaxValue, "the upper half outlives an exit");
        guest.Result(2).ShouldBe(832ul);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    [InlineData(5u)]
    [InlineData(0xe7u)]
    public void A_value_that_xcr0_may_not_have_is_a_protection_fault(uint value)
    {
        if (!Avx.IsSupported)
            Assert.Skip("The host has no AVX.");
        PrivilegedInstructionTests.Faults(c => EnableExtendedStates(c, (int)value));
    }

    private static void EnableExtendedStates(Assembler c, int states)
    {
        c.mov(eax, 0x660 | Cr4Osxsave);
        c.mov(cr4, rax);
        c.xor(ecx, ecx);
        c.xor(edx, edx);
        c.mov(eax, states);
        c.xsetbv();
    }
}
