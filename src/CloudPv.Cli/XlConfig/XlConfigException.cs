namespace CloudPv.Cli.XlConfig;

/// <summary>What is wrong with an xl.cfg file, and where.</summary>
/// <param name="line">Counted from 1.</param>
/// <param name="problem">For the user; names the key where there is one.</param>
public sealed class XlConfigException(int line, string problem) : Exception($"line {line}: {problem}")
{
    public int Line => line;
}
