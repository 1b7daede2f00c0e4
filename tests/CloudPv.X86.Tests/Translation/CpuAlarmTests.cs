using System.Runtime.InteropServices;
using Iced.Intel;

namespace CloudPv.X86.Tests.Translation;

public sealed unsafe class CpuAlarmTests : IDisposable
{
    private const ulong Millisecond = 1_000_000;
    private const ulong Hour = 3600 * 1000 * Millisecond;

    private readonly Cpu _cpu;
    private readonly int* _bell = (int*)NativeMemory.AllocZeroed(sizeof(int));

    public CpuAlarmTests()
    {
        var guest = new TestGuest(new TranslatorOptions());
        guest.Load(Spin);
        _cpu = guest.NewCpu();
    }

    [Fact]
    public void An_alarm_gets_a_cpu_out_of_its_loop_again_and_again()
    {
        using var alarm = _cpu.CreateAlarm(_bell);
        for (var round = 0; round < 5; round++)
        {
            alarm.Set(Millisecond);

            _cpu.Run().Kind.ShouldBe(CpuExitKind.Kicked);

            alarm.TakeRing().ShouldBeTrue();
        }
    }

    [Fact]
    public void An_alarm_that_is_set_anew_forgets_the_time_before()
    {
        using var alarm = _cpu.CreateAlarm(_bell);
        alarm.Set(Hour);
        alarm.Set(Millisecond);

        _cpu.Run().Kind.ShouldBe(CpuExitKind.Kicked);
    }

    [Fact]
    public void A_kick_by_somebody_else_is_no_ring()
    {
        using var alarm = _cpu.CreateAlarm(_bell);
        alarm.Set(Hour);
        _cpu.Kick();

        _cpu.Run().Kind.ShouldBe(CpuExitKind.Kicked);

        alarm.TakeRing().ShouldBeFalse();
    }

    [Fact]
    public void A_ring_is_heard_where_the_cpu_does_not_run()
    {
        using var alarm = _cpu.CreateAlarm(_bell);
        alarm.Set(Millisecond);

        SpinWait.SpinUntil(() => Volatile.Read(ref *_bell) == 1, TimeSpan.FromMinutes(1)).ShouldBeTrue();
    }

    public void Dispose() => NativeMemory.Free(_bell);

    private static void Spin(Assembler c)
    {
        var self = c.CreateLabel();
        c.Label(ref self);
        c.jmp(self);
    }
}
