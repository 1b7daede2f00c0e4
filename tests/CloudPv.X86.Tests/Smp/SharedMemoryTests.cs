using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Smp;

public sealed class SharedMemoryTests
{
    private const int Rounds = 100_000;

    private static readonly Dictionary<string, Action<Assembler>> Increments = new(StringComparer.Ordinal)
    {
        ["lock xadd"] = c =>
        {
            c.mov(eax, 1);
            c.@lock.xadd(__[rdi], rax);
        },
        ["lock inc"] = c => c.@lock.inc(__qword_ptr[rdi]),
        ["lock cmpxchg"] = c =>
        {
            var retry = c.CreateLabel();
            c.mov(rax, __[rdi]);
            c.Label(ref retry);
            c.lea(rdx, __[rax + 1]);
            c.@lock.cmpxchg(__[rdi], rdx);
            c.jne(retry);
        },
        ["xchg as a spin lock"] = c =>
        {
            var spin = c.CreateLabel();
            c.nop();
            c.Label(ref spin);
            c.mov(eax, 1);
            c.xchg(__dword_ptr[rdi + 64], eax);
            c.test(eax, eax);
            c.jne(spin);
            c.inc(__qword_ptr[rdi]);
            c.mov(__dword_ptr[rdi + 64], 0);
        },
    };

    public static TheoryData<string> Each => [.. Increments.Keys];

    [Theory]
    [MemberData(nameof(Each))]
    public async Task Two_cpus_lose_no_increment(string increment)
    {
        using var guest = new TestGuest();
        Load(guest, Increments[increment], TestGuest.DataAddress, Rounds);
        await RunBoth(guest);
        guest.Data(0).ShouldBe(2ul * Rounds);
    }

    [Fact]
    public async Task Two_cpus_lose_no_increment_of_a_counter_that_straddles_pages()
    {
        const ulong Counter = TestGuest.DataAddress + 0x1000 - 2;
        const int Few = 2000;
        using var guest = new TestGuest();
        Load(guest, c => c.@lock.inc(__dword_ptr[rdi]), Counter, Few);
        await RunBoth(guest);
        guest.NewCpu().TryRead(Counter, new byte[4], out _).ShouldBeTrue();
        var bytes = new byte[4];
        guest.NewCpu().TryRead(Counter, bytes, out _).ShouldBeTrue();
        BitConverter.ToInt32(bytes).ShouldBe(2 * Few);
    }

    [Fact]
    public async Task A_cpu_sees_code_that_another_has_rewritten()
    {
        using var guest = new TestGuest();
        const ulong Function = 0x50_0000;
        const ulong Go = TestGuest.DataAddress;
        guest.Load(
            c =>
            {
                c.mov(eax, 0);
                c.ret();
            },
            Function);

        // One CPU writes the number into the function, then announces it; the other calls it when it sees the announcement, and answers.
        guest.Load(c =>
        {
            var next = c.CreateLabel();
            var wait = c.CreateLabel();
            c.mov(rdi, (long)Go);
            c.mov(ebx, (int)Function);
            c.mov(ecx, 1);
            c.Label(ref next);
            c.mov(__dword_ptr[rbx + 1], ecx);
            c.mov(__dword_ptr[rdi], ecx);
            c.Label(ref wait);
            c.pause();
            c.cmp(__dword_ptr[rdi + 64], ecx);
            c.jne(wait);
            c.inc(ecx);
            c.cmp(ecx, 500);
            c.jne(next);
            c.syscall();
        });
        const ulong Reader = 0x52_0000;
        guest.Load(
            c =>
            {
                var next = c.CreateLabel();
                var wait = c.CreateLabel();
                var wrong = c.CreateLabel();
                c.mov(rdi, (long)Go);
                c.mov(ebx, (int)Function);
                c.mov(ecx, 1);
                c.Label(ref next);
                c.nop();
                c.Label(ref wait);
                c.pause();
                c.cmp(__dword_ptr[rdi], ecx);
                c.jne(wait);
                c.xor(eax, eax);
                c.cpuid();
                c.call(rbx);
                c.cmp(eax, ecx);
                c.jne(wrong);
                c.mov(__dword_ptr[rdi + 64], ecx);
                c.inc(ecx);
                c.cmp(ecx, 500);
                c.jne(next);
                c.syscall();
                c.Label(ref wrong);
                c.ud2();
            },
            Reader);
        var writer = guest.NewCpu();
        var reader = guest.NewCpu();
        reader.State.Rip = Reader;
        var exits = await Task.WhenAll(RunToEnd(writer), RunToEnd(reader));
        exits.ShouldAllBe(exit => exit.Kind == CpuExitKind.Syscall);
    }

    /// <summary>CPUID, the serialising instruction that the reader executes between seeing the announcement and running new code, is stepped over with registers kept.</summary>
    private static Task<CpuExit> RunToEnd(Cpu cpu) => Task.Run(
        () =>
        {
            CpuExit exit;
            while ((exit = cpu.Run()).Kind == CpuExitKind.Cpuid)
                cpu.State.Rip += 2;
            return exit;
        },
        TestContext.Current.CancellationToken);

    private static void Load(TestGuest guest, Action<Assembler> increment, ulong counter, int rounds) => guest.Load(c =>
    {
        var loop = c.CreateLabel();
        c.mov(rdi, (long)counter);
        c.mov(ebx, rounds);
        c.Label(ref loop);
        increment(c);
        c.dec(ebx);
        c.jne(loop);
        c.syscall();
    });

    private static async Task RunBoth(TestGuest guest)
    {
        var exits = await Task.WhenAll(RunToEnd(guest.NewCpu()), RunToEnd(guest.NewCpu()));
        exits.ShouldAllBe(exit => exit.Kind == CpuExitKind.Syscall);
    }
}
