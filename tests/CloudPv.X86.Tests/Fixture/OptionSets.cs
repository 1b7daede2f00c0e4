namespace CloudPv.X86.Tests;

/// <summary>The translator as shipped, as plain as it gets, and with each single optimisation off.</summary>
public static class OptionSets
{
    private static readonly TranslatorOptions All = new();

    public static TheoryData<TranslatorOptions> Each =>
    [
        All,
        TranslatorOptions.None,
        All with { FlagLiveness = false },
        All with { AccessGrouping = false },
        All with { Chaining = false },
        All with { JumpCache = false },
        All with { Superblocks = false },
        All with { AbiFlags = false },
        All with { StringStubs = false },
        All with { HeldRegisters = false },
        All with { SharedChecks = false },
        All with { StackPage = false },
        All with { HostWindows = false },
        All with { TranslationReuse = false },
    ];
}
