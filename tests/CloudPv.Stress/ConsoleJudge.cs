using System.Text.RegularExpressions;

namespace CloudPv.Stress;

/// <summary>Reads the stress guest's console: what was done, and what went wrong.</summary>
internal sealed partial class ConsoleJudge
{
    /// <summary>Of stress-ng: a stressor failed, was killed, or ended itself without being asked.</summary>
    private static readonly string[] FailedStatuses = ["1", "2", "5", "6"];

    private readonly List<string> _failures = [];

    public IReadOnlyList<string> Failures => _failures;

    /// <summary>The group that runs or ran last; empty before the first.</summary>
    public string Group { get; private set; } = "";

    /// <summary>Groups that came to their end.</summary>
    public int Groups { get; private set; }

    /// <summary>Whether the guest came to its end.</summary>
    public bool IsDone { get; private set; }

    public void Fail(string failure) => _failures.Add($"{Group}: {failure}");

    public void Read(string line)
    {
        var text = line.TrimEnd('\r');
        switch (text.Split(' '))
        {
            case ["BEGIN", var group]:
                Group = group;
                return;
            case ["END", var group, var status]:
                Groups++;
                if (FailedStatuses.Contains(status))
                    _failures.Add($"{group} ended with status {status}");
                return;
            case ["DONE"]:
                IsDone = true;
                return;
        }

        if (Failure().IsMatch(text))
            Fail(text);
    }

    /// <summary>What stress-ng, the guest's own scripts and programs, and a kernel in trouble print.</summary>
    [GeneratedRegex(@"stress-ng: fail:|^FAIL |: FAILED$|Oops|BUG:|WARNING: CPU|kernel BUG|general protection|double fault|invalid opcode|segfault at|Kernel panic|Bad page|EXT4-fs error|I/O error|soft lockup|detected stall|blocked for more than|not found$")]
    private static partial Regex Failure();
}
