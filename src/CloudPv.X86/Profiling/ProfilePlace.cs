namespace CloudPv.X86;

/// <summary>What a CPU's thread spends time on.</summary>
public enum ProfileKind
{
    /// <summary>Finding the next block, and seeing to what others asked for.</summary>
    RunLoop,

    /// <summary>Making translations.</summary>
    Translation,

    /// <summary>Instructions that run in C#.</summary>
    Emulation,

    /// <summary>Translated guest code.</summary>
    Code,

    /// <summary>Memory accesses that the soft TLB has no answer to: misses with their page walks, writes beside code, accesses across pages.</summary>
    TlbMiss,

    /// <summary>REP MOVS and REP STOS.</summary>
    Strings,

    /// <summary>System calls, and returns from them, that stay in translated code.</summary>
    SystemCall,

    /// <summary>Entering and leaving translated code.</summary>
    Switch,

    /// <summary>What whoever calls <see cref="Cpu.Run"/> does between two runs; <see cref="ProfilePlace.Activity"/> says what.</summary>
    Caller,
}

/// <summary>Something to spend time on.</summary>
/// <param name="Mode">The mode of the guest code at <paramref name="Rip"/>.</param>
/// <param name="Rip">The linear address of the guest code that it is or that asked for it, to the block; 0 where that isn't known.</param>
/// <param name="Activity">What <see cref="Cpu.Activity"/> was set to, of <see cref="ProfileKind.Caller"/>; else 0.</param>
public readonly record struct ProfilePlace(ProfileKind Kind, CpuMode Mode = CpuMode.Kernel, ulong Rip = 0, int Activity = 0);
