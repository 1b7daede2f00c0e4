namespace CloudPv.Cloud;

/// <summary>What an instance may be.</summary>
public static class InstanceRules
{
    public const int MostVcpus = 32;

    /// <summary>Less than this and no Linux comes up.</summary>
    public const int LeastMemoryMiB = 32;

    /// <summary>The largest launch.</summary>
    public const int MostInstances = 100;

    /// <summary>Of start_info.cmd_line, with its terminating zero 1024 (MAX_GUEST_CMDLINE in public/xen.h).</summary>
    public const int LongestCommandLine = 1023;

    public static void CheckSize(int vcpus, int memoryMiB)
    {
        if (vcpus is < 1 or > MostVcpus)
            throw CloudException.Invalid("vcpus", $"is {vcpus}; an instance can have 1 to {MostVcpus}.");
        if (memoryMiB < LeastMemoryMiB)
            throw CloudException.Invalid("memoryMiB", $"is {memoryMiB}; an instance needs at least {LeastMemoryMiB} MiB.");
    }

    public static void CheckCommandLine(string? commandLine)
    {
        if (commandLine is { Length: > LongestCommandLine })
            throw CloudException.Invalid("commandLine", $"has {commandLine.Length} characters; Xen passes at most {LongestCommandLine}.");
        if (commandLine is not null && commandLine.Any(c => c is < ' ' or > '~'))
            throw CloudException.Invalid("commandLine", "may have printable ASCII characters only.");
    }

    /// <summary>Whether a name is one of Xen's virtual disks (docs/misc vbd-interface): <c>xvda</c>, <c>xvda1</c>.</summary>
    public static bool IsDiskName(string name) =>
        name is ['x', 'v', 'd', >= 'a' and <= 'p', .. ("" or [>= '1' and <= '9'] or ['1', >= '0' and <= '5'])];
}
