using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Guests;

/// <summary>Event channel operations of a tiny kernel; its port stands at <see cref="Port"/>.</summary>
public static class EventCode
{
    public const int EventChannelOp = 32;
    public const int BindInterdomainCommand = 0, BindVirqCommand = 1, CloseCommand = 3, SendCommand = 4, AllocUnboundCommand = 6, BindIpiCommand = 7,
        UnmaskCommand = 9, InitControlCommand = 11, ExpandArrayCommand = 12, SetPriorityCommand = 13;

    public const long Port = 0x4100;

    public static void BindIpi(Assembler c, int vcpu = 0, long port = Port)
    {
        c.mov(__dword_ptr[GuestCode.Arguments], (uint)vcpu);
        c.Call(EventChannelOp, BindIpiCommand, GuestCode.Arguments);
        c.mov(eax, __dword_ptr[GuestCode.Arguments + 4]);
        c.mov(__dword_ptr[port], eax);
    }

    /// <summary>rax is the call's result.</summary>
    public static void BindVirq(Assembler c, int virq)
    {
        c.mov(__dword_ptr[GuestCode.Arguments], (uint)virq);
        c.mov(__dword_ptr[GuestCode.Arguments + 4], 0);
        c.Call(EventChannelOp, BindVirqCommand, GuestCode.Arguments);
        c.mov(ecx, __dword_ptr[GuestCode.Arguments + 8]);
        c.mov(__dword_ptr[Port], ecx);
    }

    public static void Send(Assembler c, long port = Port) => c.Call(EventChannelOp, SendCommand, port);
}
