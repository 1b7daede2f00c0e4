using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

public sealed class KickTests
{
    private static readonly Dictionary<string, Action<Assembler>> Loops = new(StringComparer.Ordinal)
    {
        ["jump to itself"] = c =>
        {
            var self = c.CreateLabel();
            c.Label(ref self);
            c.jmp(self);
        },
        ["conditional jump with live flags"] = c =>
        {
            var self = c.CreateLabel();
            c.xor(eax, eax);
            c.Label(ref self);
            c.je(self);
        },
        ["flags that live until behind the jump"] = c =>
        {
            var self = c.CreateLabel();
            var other = c.CreateLabel();
            c.xor(eax, eax);
            c.Label(ref self);
            c.jae(self); // CF is live here, and no flag from the next instruction on
            c.Label(ref other);
            c.xor(ebx, ebx);
            c.je(other);
        },
        ["two blocks"] = c =>
        {
            var first = c.CreateLabel();
            var second = c.CreateLabel();
            c.Label(ref first);
            c.inc(rax);
            c.jmp(second);
            c.Label(ref second);
            c.inc(rbx);
            c.jmp(first);
        },
        ["loop instruction"] = c =>
        {
            var self = c.CreateLabel();
            c.mov(rcx, -1);
            c.Label(ref self);
            c.loop(self);
        },
        ["indirect jump"] = c =>
        {
            var self = c.CreateLabel();
            c.lea(rbx, __[self]);
            c.Label(ref self);
            c.jmp(rbx);
        },
        ["jump through memory"] = c =>
        {
            var self = c.CreateLabel();
            c.lea(rbx, __[self]);
            c.mov(rdi, (long)TestGuest.DataAddress);
            c.mov(__[rdi], rbx);
            c.Label(ref self);
            c.jmp(__qword_ptr[rdi]);
        },
        ["returns only"] = c =>
        {
            var self = c.CreateLabel();
            c.lea(rbx, __[self]);
            c.Label(ref self);
            c.push(rbx);
            c.ret();
        },
        ["backward call"] = c =>
        {
            var self = c.CreateLabel();
            c.mov(rbp, rsp);
            c.Label(ref self);
            c.mov(rsp, rbp);
            c.call(self);
        },
        ["indirect call"] = c =>
        {
            var self = c.CreateLabel();
            c.lea(rbx, __[self]);
            c.mov(rbp, rsp);
            c.Label(ref self);
            c.mov(rsp, rbp);
            c.call(rbx);
        },
        ["long string store"] = c =>
        {
            var self = c.CreateLabel();
            c.xor(eax, eax);
            c.Label(ref self);
            c.mov(rdi, (long)TestGuest.DataAddress);
            c.mov(ecx, 0x8000);
            c.rep.stosb();
            c.jmp(self);
        },
        ["emulated instruction"] = c =>
        {
            var self = c.CreateLabel();
            c.Label(ref self);
            c.pushfq();
            c.pop(rax);
            c.jmp(self);
        },
    };

    public static TheoryData<string, TranslatorOptions> EachLoop
    {
        get
        {
            var data = new TheoryData<string, TranslatorOptions>();
            foreach (var name in Loops.Keys)
            {
                data.Add(name, new TranslatorOptions());
                data.Add(name, TranslatorOptions.None);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(EachLoop))]
    public async Task A_loop_of_any_shape_can_be_left(string loop, TranslatorOptions options)
    {
        var guest = new TestGuest(options);
        guest.Load(Loops[loop]);
        var cpu = guest.NewCpu();
        for (var round = 0; round < 3; round++)
        {
            var run = Task.Run(cpu.Run, TestContext.Current.CancellationToken);

            // Long enough to be inside the loop, with all of it translated and chained.
            await Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
            cpu.Kick();
            (await run.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).Kind.ShouldBe(CpuExitKind.Kicked);
        }

        guest.Dispose(); // not where a loop was not left: it still runs there
    }

    [Fact]
    public void A_kick_before_the_run_counts()
    {
        using var guest = new TestGuest();
        guest.Load(c => c.syscall());
        var cpu = guest.NewCpu();
        cpu.Kick();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Kicked);
        cpu.State.Rip.ShouldBe(TestGuest.CodeAddress);
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
    }

    [Theory]
    [MemberData(nameof(OptionSets.Each), MemberType = typeof(OptionSets))]
    public async Task Kicks_change_nothing_that_code_can_see(TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            var odd = c.CreateLabel();
            c.mov(ecx, 300_000);
            c.xor(eax, eax);
            c.mov(r10d, 1);
            c.Label(ref loop);
            c.imul(rax, rax, 31);
            c.add(rax, r10);
            c.adc(rax, rcx);
            c.test(cl, 1);
            c.jne(odd);
            c.ror(rax, 3);
            c.Label(ref odd);
            c.dec(ecx);
            c.jne(loop);
            c.syscall();
        });
        ulong expected = 0;
        for (var counter = 300_000u; counter > 0; counter--)
        {
            var sum = (UInt128)(expected * 31) + 1;
            expected = (ulong)sum + counter + (ulong)(sum >> 64);
            if ((counter & 1) == 0)
                expected = ulong.RotateRight(expected, 3);
        }

        var cpu = guest.NewCpu();
        var stop = false;
        var kicker = Task.Run(
            () =>
            {
                while (!Volatile.Read(ref stop))
                    cpu.Kick();
            },
            TestContext.Current.CancellationToken);
        while (cpu.Run().Kind == CpuExitKind.Kicked)
        {
            // Again.
        }

        Volatile.Write(ref stop, value: true);
        await kicker;
        cpu.State.Rax.ShouldBe(expected);
    }
}
