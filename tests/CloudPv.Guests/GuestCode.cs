using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Guests;

/// <summary>Pieces that tiny kernels are put together from. All may change rax, rcx, r11 and the argument registers.</summary>
public static class GuestCode
{
    /// <summary>Where <see cref="MapSharedInfo"/> maps shared_info; vCPU 0's vcpu_info stands at its start.</summary>
    public const long SharedInfo = 0x6000;

    public const long UpcallPending = SharedInfo;
    public const long UpcallMask = SharedInfo + 1;
    public const long PendingSelector = SharedInfo + 8;
    public const long Cr2 = SharedInfo + 16;
    public const long EventPending = SharedInfo + 2048;
    public const long EventMask = SharedInfo + 2560;

    /// <summary>Eight-byte results for the test to read.</summary>
    public const long Results = 0x7000;

    /// <summary>Free for hypercall arguments.</summary>
    public const long Arguments = 0x4000;

    /// <summary>A page of the guest's to give away: event words, grants.</summary>
    public const long FreePage = 0x5000;

    private const long TrapTable = 0x4800;
    private const ushort FlatCode64 = 0xe033;
    private const int StartInfoSharedInfo = 40;

    /// <summary>Calls a hypercall with constant arguments.</summary>
    public static void Call(this Assembler c, int number, params ReadOnlySpan<long> arguments)
    {
        AssemblerRegister64[] registers = [rdi, rsi, rdx, r10, r8, r9];
        for (int index = 0; index < arguments.Length; index++)
            c.mov(registers[index], arguments[index]);
        c.Hypercall(number);
    }

    /// <summary>Stores a register as result <paramref name="slot"/>.</summary>
    public static void Save(this Assembler c, int slot, AssemblerRegister64 register) => c.mov(__[Results + slot * 8], register);

    /// <summary>Stores what is in memory as a result. Changes rax.</summary>
    public static void SaveFrom(this Assembler c, int slot, AssemblerMemoryOperand source)
    {
        c.mov(rax, source);
        c.Save(slot, rax);
    }

    /// <summary>Ends the domain with a reason.</summary>
    public static void ShutDown(this Assembler c, int reason = 0)
    {
        const int SchedOp = 29;
        const int Shutdown = 2;
        c.mov(__dword_ptr[Arguments], (uint)reason);
        c.Call(SchedOp, Shutdown, Arguments);
    }

    /// <summary>Maps shared_info at <see cref="SharedInfo"/>. At the start, where rsi is start_info.</summary>
    public static void MapSharedInfo(this Assembler c)
    {
        const int UpdateVaMapping = 14;
        const int PresentWritableUser = 7;
        const int InvalidateLocal = 2;
        c.mov(rax, __[rsi + StartInfoSharedInfo]);
        c.or(rax, PresentWritableUser);
        c.mov(rdi, SharedInfo);
        c.mov(rsi, rax);
        c.mov(edx, InvalidateLocal);
        c.Hypercall(UpdateVaMapping);
    }

    /// <summary>Sets the trap table to these gates; flags as in struct trap_info.</summary>
    public static void SetTraps(this Assembler c, params ReadOnlySpan<Gate> gates)
    {
        const int SetTrapTable = 0;
        long entry = TrapTable;
        foreach ((byte vector, byte flags, Label handler) in gates)
        {
            c.mov(__dword_ptr[entry], vector | (uint)flags << 8 | (uint)FlatCode64 << 16);
            c.lea(rax, __[handler]);
            c.mov(__[entry + 8], rax);
            entry += 16;
        }
        c.mov(__qword_ptr[entry + 8], 0);
        c.Call(SetTrapTable, TrapTable);
    }

    /// <summary>Registers the event, failsafe and syscall callbacks.</summary>
    public static void SetCallbacks(this Assembler c, Label events, Label failsafe, Label syscalls)
    {
        const int SetCallbacks = 4;
        c.lea(rdi, __[events]);
        c.lea(rsi, __[failsafe]);
        c.lea(rdx, __[syscalls]);
        c.Hypercall(SetCallbacks);
    }

    /// <summary>rax = the machine frame of one of the kernel's pages. The builder's frames are consecutive, so it is as far from the page table's as the pages are.</summary>
    public static void FrameOf(this Assembler c, long page)
    {
        const ulong MachineToPhys = 0xffff800000000000;
        c.mov(rax, cr3);
        c.shr(rax, 12);
        c.mov(rcx, MachineToPhys);
        c.sub(rax, __[rcx + rax * 8]);
        c.add(rax, (int)(page >> 12));
    }
}

/// <summary>One vector's handler in the trap table.</summary>
/// <param name="Flags">As in struct trap_info: bits 0-1 who may raise it by INT n, bit 2 masks upcalls.</param>
public readonly record struct Gate(byte Vector, byte Flags, Label Handler);
