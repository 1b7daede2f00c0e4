namespace CloudPv.X86;

/// <summary>What one CPU has done, for <c>--stats</c>. Written by its thread alone; a reader elsewhere sees values that may be a little old.</summary>
public sealed class CpuStatistics
{
    private readonly long[] _exits = new long[Enum.GetValues<CpuExitKind>().Length];

    public long BlocksTranslated { get; internal set; }

    public long InstructionsTranslated { get; internal set; }

    /// <summary>Blocks, and instructions in them, taken from the <see cref="TranslationCache"/> instead of being translated.</summary>
    public long BlocksReused { get; internal set; }

    public long InstructionsReused { get; internal set; }

    /// <summary>Memory accesses that the soft TLB could not answer.</summary>
    public long TlbMisses { get; internal set; }

    /// <summary>Memory accesses that their window did not hold.</summary>
    public long WindowMisses { get; internal set; }

    /// <summary>Translations dropped because memory was accessed in another window than they expected.</summary>
    public long OtherWindows { get; internal set; }

    /// <summary>Entries into translated code.</summary>
    public long Dispatches { get; internal set; }

    /// <summary>Indirect jumps and jumps between pages that the jump cache could not answer.</summary>
    public long JumpCacheMisses { get; internal set; }

    /// <summary>Instructions that ran in C#.</summary>
    public long InstructionsEmulated { get; internal set; }

    /// <summary>Translations dropped because their code was written.</summary>
    public long BlocksInvalidated { get; internal set; }

    /// <summary>Times that all translations were dropped because the code region was full, or because flags were seen to cross calls.</summary>
    public long CodeFlushes { get; internal set; }

    /// <summary>System calls of user mode that got into the kernel within translated code.</summary>
    public long SystemCalls { get; internal set; }

    /// <summary>Returns by HYPERVISOR_iret within translated code.</summary>
    public long SystemCallReturns { get; internal set; }

    /// <summary>Adds the counts but those of exits to sums by name.</summary>
    public void AddTo(IDictionary<string, ulong> sums)
    {
        Add(sums, nameof(BlocksTranslated), BlocksTranslated);
        Add(sums, nameof(InstructionsTranslated), InstructionsTranslated);
        Add(sums, nameof(BlocksReused), BlocksReused);
        Add(sums, nameof(InstructionsReused), InstructionsReused);
        Add(sums, nameof(TlbMisses), TlbMisses);
        Add(sums, nameof(WindowMisses), WindowMisses);
        Add(sums, nameof(OtherWindows), OtherWindows);
        Add(sums, nameof(Dispatches), Dispatches);
        Add(sums, nameof(JumpCacheMisses), JumpCacheMisses);
        Add(sums, nameof(InstructionsEmulated), InstructionsEmulated);
        Add(sums, nameof(BlocksInvalidated), BlocksInvalidated);
        Add(sums, nameof(CodeFlushes), CodeFlushes);
        Add(sums, nameof(SystemCalls), SystemCalls);
        Add(sums, nameof(SystemCallReturns), SystemCallReturns);
    }

    public long Exits(CpuExitKind kind) => _exits[(int)kind];

    internal void CountExit(CpuExitKind kind) => _exits[(int)kind]++;

    private static void Add(IDictionary<string, ulong> sums, string name, long count) =>
        sums[name] = (sums.TryGetValue(name, out var sum) ? sum : 0) + (ulong)count;
}
