using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Traps;

/// <summary>Pieces of kernels that go to user mode. The user's page table is the kernel's own.</summary>
internal static class UserModeCode
{
    public const long KernelStack = 0x5800, UserStack = 0x5f00;
    public const int Iret = 23;

    private const int StackSwitch = 3, MmuextOp = 26;

    /// <summary>Tells Xen of the user's page table and of <see cref="KernelStack"/>.</summary>
    public static void PrepareUserMode(this Assembler c)
    {
        const int NewUserBaseptr = 15;
        c.mov(rax, cr3);
        c.shr(rax, 12);
        c.mov(__dword_ptr[GuestCode.Arguments], NewUserBaseptr);
        c.mov(__[GuestCode.Arguments + 8], rax);
        c.Call(MmuextOp, GuestCode.Arguments, 1, 0, 0x7ff0);
        c.Call(StackSwitch, FlatSelectors.Stack, KernelStack);
    }

    /// <summary>Goes to user code by HYPERVISOR_iret, with <see cref="UserStack"/> and all other registers 0 that it pops.</summary>
    public static void GoToUserMode(this Assembler c, Label user, uint code = FlatSelectors.Code64)
    {
        c.PushReturnFrame(user, 0x202, UserStack, code);
        for (int word = 0; word < 4; word++)
            c.push(0);
        c.mov(eax, Iret);
        c.syscall();
    }

    /// <summary>The end of struct iret_context, from its end: ss, rsp, rflags, cs, rip.</summary>
    public static void PushReturnFrame(this Assembler c, Label user, ulong rflags, long stack, uint code = FlatSelectors.Code64)
    {
        c.push(0x2b);
        c.mov(__dword_ptr[rsp], FlatSelectors.Stack);
        c.push((int)stack);
        c.push((int)rflags);
        c.push(0x33);
        c.mov(__dword_ptr[rsp], code);
        c.lea(rax, __[user]);
        c.push(rax);
    }
}
