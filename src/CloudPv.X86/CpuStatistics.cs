namespace CloudPv.X86;

/// <summary>What one CPU has done, for <c>--stats</c>. Written by its thread alone; a reader elsewhere sees values that may be a little old.</summary>
public sealed class CpuStatistics
{
    private readonly long[] _exits = new long[Enum.GetValues<CpuExitKind>().Length];

    public long BlocksTranslated { get; internal set; }

    public long InstructionsTranslated { get; internal set; }

    /// <summary>Memory accesses that the soft TLB could not answer.</summary>
    public long TlbMisses { get; internal set; }

    /// <summary>Entries into translated code.</summary>
    public long Dispatches { get; internal set; }

    /// <summary>Instructions that ran in C#.</summary>
    public long InstructionsEmulated { get; internal set; }

    /// <summary>Translations dropped because their code was written.</summary>
    public long BlocksInvalidated { get; internal set; }

    /// <summary>Times that all translations were dropped because the code region was full, or because flags were seen to cross calls.</summary>
    public long CodeFlushes { get; internal set; }

    public long Exits(CpuExitKind kind) => _exits[(int)kind];

    internal void CountExit(CpuExitKind kind) => _exits[(int)kind]++;
}
