using CloudPv.X86;

namespace CloudPv.Cli.Domu;

/// <summary>The translator's optimisations by name, to switch them off when looking for a wrong translation.</summary>
public static class TranslatorSwitches
{
    private static readonly Dictionary<string, Func<TranslatorOptions, TranslatorOptions>> Off = new(StringComparer.Ordinal)
    {
        ["flag-liveness"] = options => options with { FlagLiveness = false },
        ["access-grouping"] = options => options with { AccessGrouping = false },
        ["shared-checks"] = options => options with { SharedChecks = false },
        ["chaining"] = options => options with { Chaining = false },
        ["jump-cache"] = options => options with { JumpCache = false },
        ["superblocks"] = options => options with { Superblocks = false },
        ["abi-flags"] = options => options with { AbiFlags = false },
        ["string-stubs"] = options => options with { StringStubs = false },
        ["held-registers"] = options => options with { HeldRegisters = false },
        ["stack-page"] = options => options with { StackPage = false },
        ["host-windows"] = options => options with { HostWindows = false },
        ["system-call-stubs"] = options => options with { SystemCallStubs = false },
        ["translation-reuse"] = options => options with { TranslationReuse = false },
        ["all"] = _ => TranslatorOptions.None,
    };

    public static IEnumerable<string> Names => Off.Keys.Where(name => name != "all");

    public static TranslatorOptions Without(IEnumerable<string> names) => names.Aggregate(new TranslatorOptions(), (options, name) => Off[name](options));
}
