using System.Diagnostics;

namespace CloudPv.SelfCheck.Process;

/// <summary>A program of the host's with its arguments.</summary>
/// <param name="Path">Of the ELF file.</param>
internal sealed record ProgramToRun(string Path, params string[] Arguments)
{
    /// <summary>Nothing that differs from run to run.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["LC_ALL"] = "C",
        ["PATH"] = "/usr/bin:/bin",
        ["PERL_HASH_SEED"] = "0",
        ["PYTHONHASHSEED"] = "0",
    };

    /// <summary>What the host's own CPU makes of it: its standard output.</summary>
    public byte[] RunOnHost()
    {
        var start = new ProcessStartInfo(Path, Arguments) { RedirectStandardOutput = true, RedirectStandardInput = true, WorkingDirectory = "/" };
        start.Environment.Clear();
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        using var process = System.Diagnostics.Process.Start(start)!;
        process.StandardInput.Close();
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        return output.ToArray();
    }

    public override string ToString() => string.Join(' ', [Path, .. Arguments]);
}
