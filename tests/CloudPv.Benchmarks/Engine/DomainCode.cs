using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Benchmarks;

/// <summary>Kernels that do one thing with the hypervisor many times.</summary>
internal static class DomainCode
{
    public const int Rounds = 200_000;
    public const int WakeUps = 5_000;

    private const int XenVersion = 17, IretNumber = 23;
    private const long SecondPort = EventCode.Port + 8, SecondArguments = GuestCode.Arguments + 0x40;

    /// <summary>Hypercalls that answer at once.</summary>
    public static void Hypercalls(Assembler c)
    {
        Repeat(c, Rounds, () =>
        {
            c.xor(edi, edi);
            c.xor(esi, esi);
            c.Hypercall(XenVersion);
        });
        c.ShutDown();
    }

    /// <summary>Events to itself, each taken in the event callback, which returns by HYPERVISOR_iret as Linux does.</summary>
    public static void Events(Assembler c)
    {
        Label callback = c.CreateLabel();
        c.MapSharedInfo();
        EventCode.BindIpi(c);
        c.SetCallbacks(callback, callback, callback);
        c.xor(ebx, ebx);
        c.mov(__byte_ptr[GuestCode.UpcallMask], 0);
        Repeat(c, Rounds, () => EventCode.Send(c));
        PowerOffIf(c, ebx, Rounds);

        c.Label(ref callback);
        c.inc(ebx);
        c.mov(__byte_ptr[GuestCode.UpcallPending], 0);
        c.mov(__qword_ptr[GuestCode.PendingSelector], 0);
        c.mov(__qword_ptr[GuestCode.EventPending], 0);
        c.pop(rcx);
        c.pop(r11);
        c.push(0);
        c.jmp(PvKernel.HypercallPage + IretNumber * 32);
    }

    /// <summary>Two vCPUs that wake each other in turn: a round is two events and two wake-ups of a waiting vCPU.</summary>
    public static void PingPong(Assembler c)
    {
        var second = c.CreateLabel();
        c.MapSharedInfo();
        EventCode.BindIpi(c);
        EventCode.BindIpi(c, vcpu: 1, SecondPort);
        c.mov(__qword_ptr[GuestCode.EventMask], -1);
        VcpuCode.InitialiseSecond(c, second);
        c.Call(VcpuCode.VcpuOp, VcpuCode.UpCommand, 1);
        Repeat(c, WakeUps, () =>
        {
            EventCode.Send(c, SecondPort);
            Await(c, EventCode.Port, GuestCode.Arguments);
        });
        c.ShutDown();

        c.Label(ref second);
        Await(c, SecondPort, SecondArguments);
        EventCode.Send(c);
        c.jmp(second);
    }

    /// <summary>Counts in ebp.</summary>
    private static void Repeat(Assembler c, int times, Action emit)
    {
        var loop = c.CreateLabel();
        c.mov(ebp, times);
        c.Label(ref loop);
        emit();
        c.dec(ebp);
        c.jne(loop);
    }

    private static void Await(Assembler c, long port, long arguments)
    {
        VcpuCode.Poll(c, timeout: 0, port, arguments);
        c.mov(eax, __dword_ptr[port]);
        c.@lock.btr(__qword_ptr[GuestCode.EventPending], rax);
    }

    /// <summary>Crashes if it holds another number: what was timed was not what it says.</summary>
    private static void PowerOffIf(Assembler c, AssemblerRegister32 register, int value)
    {
        const int Crash = 3;
        var wrong = c.CreateLabel();
        c.cmp(register, value);
        c.jne(wrong);
        c.ShutDown();
        c.Label(ref wrong);
        c.ShutDown(Crash);
    }
}
