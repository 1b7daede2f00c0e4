using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>Indirect jumps find their target in machine code, also where several targets share a slot of the jump cache.</summary>
public sealed class JumpCacheTests
{
    /// <summary>So far apart that both functions have one slot.</summary>
    private const ulong First = TestGuest.CodeAddress + 0x1_0000;
    private const ulong Second = TestGuest.CodeAddress + 0x2_0000;

    /// <summary>Calls two functions in turn RCX times; each adds to RAX, the second 0x10000.</summary>
    private static Cpu NewCpu(TestGuest guest)
    {
        guest.Load(c =>
        {
            var again = c.CreateLabel();
            c.mov(rbx, (long)First);
            c.mov(rbp, (long)Second);
            c.Label(ref again);
            c.call(rbx);
            c.call(rbp);
            c.dec(rcx);
            c.jne(again);
            c.syscall();
        });
        guest.Load(
            c =>
            {
                c.inc(rax);
                c.ret();
            },
            First);
        guest.Load(
            c =>
            {
                c.add(rax, 0x10000);
                c.ret();
            },
            Second);
        var cpu = guest.NewCpu();
        cpu.State.Rcx = 1000;
        return cpu;
    }

    [Fact]
    public void Two_targets_of_one_slot_stay_out_of_the_run_loop()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest);

        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.State.Rax.ShouldBe((1000ul << 16) + 1000);
        cpu.Statistics.JumpCacheMisses.ShouldBeLessThan(20);
        cpu.Statistics.Dispatches.ShouldBeLessThan(50);
    }

    [Fact]
    public void Both_are_forgotten_when_their_code_is_written()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        cpu.TryWrite(First, TestGuest.Assemble(c => c.ud2(), First), out _).ShouldBeTrue();
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.State.Rcx = 10;

        cpu.Run().Vector.ShouldBe((byte)6);
        cpu.State.Rip.ShouldBe(First);
    }

    [Fact]
    public void Both_are_looked_for_anew_in_another_address_space()
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);

        guest.Map(Second, guest.NewFrame());
        guest.Load(c => c.ud2(), Second);
        cpu.FlushTlb();
        cpu.State.Rip = TestGuest.CodeAddress;
        cpu.State.Rcx = 10;

        cpu.Run().Vector.ShouldBe((byte)6);
        cpu.State.Rip.ShouldBe(Second);
    }

    /// <summary>Few and very many: what was filled is noted for the clearing up to a number.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(3000)]
    public void All_targets_are_looked_for_anew_in_another_address_space(int targets)
    {
        const int Apart = 5; // odd, so that all of a table's entries are used
        using var guest = new TestGuest();
        guest.Load(c =>
        {
            var again = c.CreateLabel();
            c.Label(ref again);
            c.call(rbx);
            c.add(rbx, Apart);
            c.dec(rcx);
            c.jne(again);
            c.syscall();
        });
        byte[] returns = [0xc3, .. Enumerable.Repeat<byte>(0x90, Apart - 1)];
        guest.Load(c => c.db([.. Enumerable.Repeat(returns, targets).SelectMany(bytes => bytes)]), First);
        var cpu = guest.NewCpu();
        cpu.State.Rbx = First;
        cpu.State.Rcx = (ulong)targets;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        cpu.State.Rcx.ShouldBe(0ul);

        guest.MapNew(First, (targets * Apart / 4096) + 1);
        guest.Load(c => c.db([.. Enumerable.Repeat((byte)0xf4, targets * Apart)]), First); // HLT
        cpu.FlushTlb();

        for (var target = targets - 1; target >= 0; target--)
        {
            cpu.State.Rip = TestGuest.CodeAddress;
            cpu.State.Rbx = First + ((ulong)target * Apart);
            cpu.State.Rcx = 1;
            cpu.State.Rsp = TestGuest.StackTop - 64;
            cpu.Run().Vector.ShouldBe((byte)13);
        }
    }

    /// <summary>Nothing that empty places hold is an address that may be found.</summary>
    [Theory]
    [InlineData(0x8000_0000_0000_0000)]
    [InlineData(0xffff_ffff_ffff_ffff)]
    [InlineData(0x0000_8000_0000_0000)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(0x1fff)]
    public void A_jump_to_where_nothing_is_faults(ulong target)
    {
        using var guest = new TestGuest();
        var cpu = NewCpu(guest);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        guest.Load(c => c.jmp(rbx), First + 0x100);

        cpu.State.Rip = First + 0x100;
        cpu.State.Rbx = target;

        cpu.Run().Vector.ShouldBeOneOf((byte)13, (byte)14);
        cpu.State.Rip.ShouldBe(target);
    }
}
