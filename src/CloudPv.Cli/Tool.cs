using System.ComponentModel;
using System.Diagnostics;

namespace CloudPv.Cli;

/// <summary>Runs a program of the system and gives what it printed.</summary>
public static class Tool
{
    private static readonly string[] SystemFolders = ["/usr/sbin", "/sbin"];

    /// <exception cref="CommandFailedException">It isn't installed or ended with an error; the message holds what it said.</exception>
    public static async Task<string> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string? workingDirectory = null,
        KeyValuePair<string, string>? environment = null,
        string input = "",
        CancellationToken cancel = default)
    {
        var start = new ProcessStartInfo(Find(program), arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? "",
        };
        start.Environment["LC_ALL"] = "C";
        if (environment is { } variable)
            start.Environment[variable.Key] = variable.Value;

        using var process = Start(start, program);
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.StandardInput.WriteAsync(input.AsMemory(), cancel);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0)
            throw new CommandFailedException($"{program} ended with status {process.ExitCode}: {(await errors).Trim()}");
        return await output;
    }

    private static Process Start(ProcessStartInfo start, string program)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw new CommandFailedException($"{program} is not installed");
        }
    }

    /// <summary>File-system tools live in the sbin folders, which an ordinary user's PATH leaves out.</summary>
    private static string Find(string program) =>
        SystemFolders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? program;
}
