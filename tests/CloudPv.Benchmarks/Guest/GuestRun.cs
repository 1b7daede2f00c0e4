using System.ComponentModel;
using System.Diagnostics;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>What one run of the guest gave.</summary>
/// <param name="Boot">Wall time from the start of the process to the guest's first line.</param>
/// <param name="Rows">Values by name.</param>
/// <param name="Failure">Null: it ran to its end.</param>
internal sealed record GuestRun(TimeSpan? Boot, IReadOnlyDictionary<string, double> Rows, Footprint? Footprint, string? Failure)
{
    private const int ConsoleLinesKept = 3;

    /// <summary>Runs the guest. A line must come within the limit.</summary>
    public static async Task<GuestRun> StartAsync(GuestProcess guest, TimeSpan limit, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(guest.Program, guest.Arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (guest.CacheFolder is { } cache)
            start.Environment["XDG_CACHE_HOME"] = start.Environment["CLOUDPV_DATA"] = cache;
        var clock = Stopwatch.StartNew();
        using var process = Start(start);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        var console = new Queue<string>();
        TimeSpan? boot = null;
        Footprint? footprint = null;
        var rows = new Dictionary<string, double>(StringComparer.Ordinal);
        string? failure = null;
        try
        {
            var done = false;
            while (await process.StandardOutput.ReadLineAsync(cancel).AsTask().WaitAsync(limit, cancel) is { } line)
            {
                var told = GuestLine.Parse(line);
                switch (told.Kind)
                {
                    case GuestLineKind.Ready:
                        boot ??= clock.Elapsed;
                        break;
                    case GuestLineKind.Row:
                        rows[told.Name] = told.Value;
                        break;
                    case GuestLineKind.Done:
                        done = true;
                        footprint = Footprint.OfProcess(process.Id, guest.IsGuestMemory);
                        await process.StandardInput.WriteLineAsync();
                        await process.StandardInput.FlushAsync(cancel);
                        break;
                }

                console.Enqueue(line);
                if (console.Count > ConsoleLinesKept)
                    console.Dequeue();
            }

            await process.WaitForExitAsync(cancel).WaitAsync(limit, cancel);
            if (!done)
                failure = $"ended early with status {process.ExitCode.ToInvariant()}: {string.Join(" / ", [.. console, (await errors).Trim()])}";
            else if (footprint is null)
                failure = "has no mapping that holds the guest's memory";
        }
        catch (TimeoutException)
        {
            failure = $"said nothing for {limit.TotalSeconds.ToInvariant()} s; last: {console.LastOrDefault() ?? "nothing at all"}";
        }
        catch (IOException died)
        {
            failure = $"ended while it was asked: {died.Message}";
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }

        return new GuestRun(boot, rows, footprint, failure);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception reason)
        {
            throw new CommandFailedException($"{start.FileName} can't be started: {reason.Message}");
        }
    }
}
