namespace CloudPv.X86;

/// <summary>The translator's optimisations, each with its own switch, so that a wrong translation can be bisected. All off is the plainest code.</summary>
public sealed record TranslatorOptions
{
    /// <summary>Save arithmetic flags around a memory check only where a later instruction may read them.</summary>
    public bool FlagLiveness { get; init; } = true;

    /// <summary>One memory check for neighbouring accesses through one base register.</summary>
    public bool AccessGrouping { get; init; } = true;

    /// <summary>One memory check also for accesses through one base register that others stand between.</summary>
    public bool SharedChecks { get; init; } = true;

    /// <summary>Patch direct jumps from block to block.</summary>
    public bool Chaining { get; init; } = true;

    /// <summary>Find the target of an indirect jump through the callee-verified jump cache instead of the dispatcher.</summary>
    public bool JumpCache { get; init; } = true;

    /// <summary>Go on behind a conditional branch that is not taken.</summary>
    public bool Superblocks { get; init; } = true;

    /// <summary>Assume that flags are dead at near calls and returns (checked where the code is known).</summary>
    public bool AbiFlags { get; init; } = true;

    /// <summary>Copy and fill by REP MOVS/STOS in machine code, page by page.</summary>
    public bool StringStubs { get; init; } = true;

    /// <summary>Keep a spilled register's value in a scratch register from one instruction to the next.</summary>
    public bool HeldRegisters { get; init; } = true;

    /// <summary>Look for stack accesses in the stack's last page first.</summary>
    public bool StackPage { get; init; } = true;

    /// <summary>Let the host's memory management find what user code accesses, where an address space has run for a while.</summary>
    public bool HostWindows { get; init; } = true;

    /// <summary>Take system calls through the <see cref="SystemCallGate"/>, while that is open, and IRETQ to the same selectors, instead of leaving for them.</summary>
    public bool SystemCallStubs { get; init; } = true;

    /// <summary>Take translations of the same bytes, wherever they lay, from the guest's <see cref="TranslationCache"/>.</summary>
    public bool TranslationReuse { get; init; } = true;

    public static TranslatorOptions None { get; } = new()
    {
        FlagLiveness = false,
        AccessGrouping = false,
        SharedChecks = false,
        Chaining = false,
        JumpCache = false,
        Superblocks = false,
        AbiFlags = false,
        StringStubs = false,
        HeldRegisters = false,
        StackPage = false,
        HostWindows = false,
        SystemCallStubs = false,
        TranslationReuse = false,
    };
}
