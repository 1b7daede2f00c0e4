using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Profiling;

public sealed class CpuProfileTests
{
    private const int Enough = 20;

    [Fact]
    public void Time_in_translated_code_goes_to_its_block()
    {
        using var profile = new CpuProfile(TimeSpan.FromMilliseconds(1));
        using var guest = new TestGuest();
        const ulong loopAddress = TestGuest.CodeAddress + 0x100;
        guest.Load(c =>
        {
            c.mov(ecx, 500_000_000);
            c.jmp(loopAddress);
        });
        guest.Load(
            c =>
            {
                var loop = c.CreateLabel();
                c.Label(ref loop);
                c.dec(ecx);
                c.jne(loop);
                c.syscall();
            },
            loopAddress);

        Top(guest.NewCpu(profile), profile).ShouldBe(new ProfilePlace(ProfileKind.Code, CpuMode.Kernel, loopAddress));
    }

    [Fact]
    public void Time_in_TLB_misses_goes_to_the_block_that_missed()
    {
        using var profile = new CpuProfile(TimeSpan.FromMilliseconds(1));
        using var guest = new TestGuest();

        // Pages with one index in the TLB.
        const ulong apart = 4096 << 12;
        const ulong first = 0x1_0000_0000;
        for (var page = 0ul; page < 8; page++)
            guest.MapNew(first + (page * apart), 1);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(ecx, 1_000_000);
            c.mov(rdi, (long)first);
            c.Label(ref loop);
            c.mov(eax, ecx);
            c.and(eax, 7);
            c.shl(rax, 24);
            c.mov(rdx, __qword_ptr[rdi + rax]);
            c.dec(ecx);
            c.jne(loop);
            c.syscall();
        });

        var top = Top(guest.NewCpu(profile), profile);
        top.Kind.ShouldBe(ProfileKind.TlbMiss);
        top.Rip.ShouldBeInRange(TestGuest.CodeAddress, TestGuest.CodeAddress + 20);
    }

    [Fact]
    public void Time_between_runs_goes_to_what_the_caller_says()
    {
        using var profile = new CpuProfile(TimeSpan.FromMilliseconds(1));
        using var guest = new TestGuest();
        guest.Load(c => c.syscall());
        var cpu = guest.NewCpu(profile);

        profile.Start();
        cpu.Run();
        cpu.Activity = 7;
        while (profile.Places.Values.Sum() < Enough)
            profile.Sort();
        profile.Stop();

        profile.Places.MaxBy(place => place.Value).Key.ShouldBe(new ProfilePlace(ProfileKind.Caller, Activity: 7));
    }

    [Fact]
    public void What_was_sampled_before_all_translations_were_dropped_still_counts_for_its_block()
    {
        using var profile = new CpuProfile(TimeSpan.FromMilliseconds(1));
        using var guest = new TestGuest();

        // Code that shows flags to cross a call has everything translated anew.
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            var function = c.CreateLabel();
            var end = c.CreateLabel();
            c.mov(ecx, 200_000_000);
            c.Label(ref loop);
            c.dec(ecx);
            c.jne(loop);
            c.call(function);
            c.je(end);
            c.Label(ref end);
            c.syscall();
            c.Label(ref function);
            c.cmp(eax, eax);
            c.ret();
        });
        var cpu = guest.NewCpu(profile);
        profile.Start();
        cpu.Run();
        profile.Stop();

        cpu.Statistics.CodeFlushes.ShouldBePositive();
        var top = profile.Places.MaxBy(place => place.Value).Key;
        top.Kind.ShouldBe(ProfileKind.Code);
        top.Rip.ShouldBeInRange(TestGuest.CodeAddress, TestGuest.CodeAddress + 5);
    }

    /// <summary>Runs a program again and again on this thread until there are samples enough, and gives what most of its time went to.</summary>
    private static ProfilePlace Top(Cpu cpu, CpuProfile profile)
    {
        profile.Start();
        while (profile.Places.Values.Sum() < Enough)
        {
            cpu.State.Rip = TestGuest.CodeAddress;
            cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
            profile.Sort();
        }

        profile.Stop();
        profile.Lost.ShouldBe(0);
        return profile.Places.MaxBy(place => place.Value).Key;
    }
}
