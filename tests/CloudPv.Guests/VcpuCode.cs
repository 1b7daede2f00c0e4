using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Guests;

/// <summary>Secondary vCPUs and waiting of a tiny kernel (xen/include/public/vcpu.h, sched.h).</summary>
public static class VcpuCode
{
    public const int VcpuOp = 24, SchedOp = 29;
    public const int InitialiseCommand = 0, UpCommand = 1;

    /// <summary>Where <see cref="InitialiseSecond"/> puts struct vcpu_guest_context.</summary>
    public const long Context = (long)PvKernel.Data + 0x800;

    private const int PollCommand = 3;

    /// <summary>VCPUOP_initialise for vCPU 1: code, stack, kernel mode, this vCPU's page table; rbp marks it by 0x4711. rax is the result.</summary>
    public static void InitialiseSecond(Assembler c, Label entry)
    {
        const long Regs = Context + 520;
        c.mov(__dword_ptr[Context + 512], 1 << 2);
        c.mov(__qword_ptr[Regs + 32], 0x4711);
        c.lea(rax, __[entry]);
        c.mov(__[Regs + 128], rax);
        c.mov(__dword_ptr[Regs + 136], 0xe033);
        c.mov(__dword_ptr[Regs + 144], 0x202);
        c.mov(__qword_ptr[Regs + 152], (int)GuestCode.FreePage + 0xff0);
        c.mov(__dword_ptr[Regs + 160], 0xe02b);
        c.mov(rax, cr3);
        c.mov(__[Context + 4984 + 3 * 8], rax);
        c.Call(VcpuOp, InitialiseCommand, 1, Context);
    }

    /// <summary>Waits until a masked port is pending. rax is the result.</summary>
    /// <param name="timeout">System time, ns; 0: for ever.</param>
    /// <param name="port">Where the port's number stands.</param>
    /// <param name="arguments">24 bytes for the call's arguments, of this vCPU alone.</param>
    public static void Poll(Assembler c, int timeout, long port = EventCode.Port, long arguments = GuestCode.Arguments)
    {
        c.mov(__qword_ptr[arguments], (int)port);
        c.mov(__dword_ptr[arguments + 8], 1);
        c.mov(__qword_ptr[arguments + 16], timeout);
        c.Call(SchedOp, PollCommand, arguments);
    }
}
