namespace CloudPv.X86;

/// <summary>Why <see cref="Cpu.Run"/> came back.</summary>
public enum CpuExitKind
{
    /// <summary><see cref="Cpu.Kick"/> was called. State.Rip is the next instruction.</summary>
    Kicked,

    /// <summary>SYSCALL. State.Rip is the instruction behind it; RCX and R11 are as the guest left them.</summary>
    Syscall,

    /// <summary>CPUID. State.Rip is still at it; whoever answers sets EAX..EDX and steps over it (2 bytes).</summary>
    Cpuid,

    /// <summary>INT n (n in <see cref="CpuExit.Vector"/>), INT3 and INT1. State.Rip is the instruction behind it.</summary>
    SoftwareInterrupt,

    /// <summary>A fault or trap (SDM vol. 3, 6.3); for a fault State.Rip is the faulting instruction, and nothing of it has happened.
    /// Privileged instructions give #GP(0), as they do at CPL 3.</summary>
    Exception,
}

/// <summary>One return from guest code.</summary>
/// <param name="Vector">The exception or interrupt number.</param>
/// <param name="ErrorCode">As the CPU would push it; 0 where the vector has none. #PF: bit 0 present, 1 write, 2 user (always set: CPL 3), 4 fetch. #DB, which has none: its causes, as bits of DR6.</param>
/// <param name="FaultAddress">#PF: the linear address.</param>
public readonly record struct CpuExit(CpuExitKind Kind, byte Vector = 0, uint ErrorCode = 0, ulong FaultAddress = 0);
