namespace CloudPv.DomainHost;

/// <summary>What <c>xl dmesg</c> would show, on standard error.</summary>
internal sealed class HypervisorLog
{
    /// <summary>The newest line: after a crash, what it was.</summary>
    public string? LastLine { get; private set; }

    public void Write(string line)
    {
        LastLine = line;
        Console.Error.WriteLine(line);
    }
}
