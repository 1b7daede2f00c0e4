using System.Diagnostics;
using System.Text.Json;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>The program that is one domain's process, <c>cloudpv-domain</c>.</summary>
public sealed class DomainProgram(string path)
{
    private static readonly TimeSpan InspectionPatience = TimeSpan.FromMinutes(5);

    public string Path => path;

    /// <summary>How to start a process that becomes a domain's.</summary>
    internal static ProcessStartInfo StartInfo(string file, params IEnumerable<string> arguments) => new(file, arguments)
    {
        // An arena of malloc's for each thread would cost each of very many processes a MiB; hardly anything there allocates natively.
        Environment = { ["MALLOC_ARENA_MAX"] = "1" },
    };

    /// <summary>The given program, else the one beside this.</summary>
    public static DomainProgram Find(string? given) =>
        new(System.IO.Path.GetFullPath(string.IsNullOrEmpty(given) ? System.IO.Path.Combine(AppContext.BaseDirectory, "cloudpv-domain") : given));

    /// <summary>
    /// Has a process of its own look at a file, as what is in it comes from a user: <c>cloudpv-domain --inspect FILE</c>
    /// prints an <see cref="ImageInspection"/>.
    /// </summary>
    public async Task<ImageInspection> InspectAsync(string file, CancellationToken cancel)
    {
        using var process = Process.Start(new ProcessStartInfo(path, ["--inspect", file]) { RedirectStandardOutput = true })!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(InspectionPatience);
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            if (process.ExitCode == 0 && JsonSerializer.Deserialize(output, ProtocolJson.Default.ImageInspection) is { } inspection)
                return inspection;
        }
        catch (JsonException)
        {
            // Cut off by its end, or no inspection: said below.
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new ImageInspection("unknown", "a file that takes too long to read", "Its inspection was given up.");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
        return new ImageInspection("unknown", "a file that can't be read", $"Its inspection ended with {process.ExitCode}.");
    }
}
