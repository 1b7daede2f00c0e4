using System.Diagnostics;
using CloudPv.Cli;

namespace CloudPv.Stress;

/// <summary>What a round's guest is and does.</summary>
/// <param name="App">Folder with the built programs.</param>
/// <param name="Without">Optimisations of the translator that are off, as <c>domu create --without</c> names them.</param>
/// <param name="Seconds">For each group of stressors.</param>
/// <param name="Groups">Names from <c>Guest/groups</c>; none: all.</param>
/// <param name="ShowsConsole">Whether the guest's console is printed.</param>
internal sealed record StressRound(string App, string[] Without, int Vcpus, int MemoryMiB, int Seconds, string[] Groups, bool ShowsConsole)
{
    /// <summary>Time without a line of the console after which a guest hangs: a busy host may take many times what it should.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private const int LinesKept = 5;

    /// <summary>Runs one guest to its end.</summary>
    /// <returns>What it did and what went wrong.</returns>
    public async Task<ConsoleJudge> RunAsync(StressGuest guest, StressDisks disks, CancellationToken cancel)
    {
        var judge = new ConsoleJudge();
        var last = new Queue<string>();
        using var process = Process.Start(Command(guest, disks)) ?? throw new CommandFailedException($"{App} can't be run");
        var errors = process.StandardError.ReadToEndAsync(cancel);
        try
        {
            process.StandardInput.Close();
            while (await process.StandardOutput.ReadLineAsync(cancel).AsTask().WaitAsync(Patience + TimeSpan.FromSeconds(Seconds), cancel) is { } line)
            {
                if (ShowsConsole)
                    Console.WriteLine(line);
                judge.Read(line);
                last.Enqueue(line);
                if (last.Count > LinesKept)
                    last.Dequeue();
            }

            await process.WaitForExitAsync(cancel).WaitAsync(Patience, cancel);
            if (process.ExitCode != 0 || !judge.IsDone)
                judge.Fail($"the guest ended early with status {process.ExitCode}: {string.Join(" / ", [.. last, (await errors).Trim()])}");
        }
        catch (TimeoutException)
        {
            judge.Fail($"the guest hangs; its last lines: {string.Join(" / ", last)}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }

        return judge;
    }

    private ProcessStartInfo Command(StressGuest guest, StressDisks disks) => new(
        Path.Combine(App, "cloudpv-cli"),
        [
            "domu", "create", "-c", "--no-reboot", "--name", "stress", "--kernel", guest.Kernel, "--ramdisk", guest.Ramdisk,
            "--vcpus", $"{Vcpus}", "--memory", $"{MemoryMiB}", "--disk", disks.Swap, "--disk", $"{disks.Files},dev=xvdb",
            // More virtual CPUs than the host has are not run for long at times, which isn't the kernel's trouble.
            "--cmdline", $"console=hvc0 loglevel=5 panic=-1 watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=240 seconds={Seconds} groups={string.Join(',', Groups)}",
            .. Without.SelectMany(name => new[] { "--without", name }),
        ])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };
}
