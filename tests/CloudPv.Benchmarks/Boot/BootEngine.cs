using System.Diagnostics;
using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>A way to run the guest: a program and its arguments.</summary>
internal sealed record BootEngine(string Name, string Program, string[] Arguments)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>This project's engine, as <c>cloudpv domu create</c> runs it.</summary>
    public static BootEngine CloudPv(BootGuest guest, string app, int vcpus, int memoryMiB) => new(
        "CloudPv",
        Path.Combine(app, "cloudpv-cli"),
        [
            "domu", "create", "-c", "--no-reboot", "--kernel", guest.Kernel, "--ramdisk", guest.Ramdisk, "--cmdline", "console=hvc0 quiet panic=-1",
            "--vcpus", Number(vcpus), "--memory", Number(memoryMiB),
        ]);

    /// <summary>QEMU's software emulation, with the machine and options that were measured to boot Linux fastest, and an uncompressed kernel (PVH).</summary>
    public static BootEngine Qemu(string vmlinux, BootGuest guest, int vcpus, int memoryMiB) => new(
        "QEMU TCG",
        "qemu-system-x86_64",
        [
            "-machine", "microvm,x-option-roms=off,isa-serial=on,rtc=on", "-bios", "bios-microvm.bin", "-accel", "tcg,thread=multi,tb-size=1024",
            "-cpu", "max,-erms,-fsrm", "-smp", Number(vcpus), "-m", Number(memoryMiB), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-serial", "stdio", "-kernel", vmlinux, "-initrd", guest.Ramdisk,
            "-append", $"console=ttyS0 quiet panic=-1 tsc_early_khz={Number(HostClock.TscKiloHertz())} tsc=reliable no_timer_check",
        ]);

    /// <summary>Wall time from the start of the process to init's line.</summary>
    /// <exception cref="InvalidOperationException">The line did not come, or counts other CPUs than asked for; the message holds the console.</exception>
    public async Task<TimeSpan> MeasureAsync(int vcpus)
    {
        var start = new ProcessStartInfo(Program, Arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        var console = new List<string>();
        try
        {
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                console.Add(line);
                if (!line.Contains(BootGuest.Ready, StringComparison.Ordinal))
                    continue;
                var elapsed = clock.Elapsed;
                if (!line.Contains($"cpus={vcpus} ", StringComparison.Ordinal))
                    break;
                await process.StandardOutput.ReadToEndAsync(limit.Token);
                await process.WaitForExitAsync(limit.Token);
                return elapsed;
            }
        }
        catch (OperationCanceledException)
        {
            console.Add($"(nothing more within {Limit})");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        throw new InvalidOperationException($"{Name} did not boot {vcpus} CPUs:\n{string.Join('\n', console.TakeLast(40))}\n{(errors.IsCompletedSuccessfully ? errors.Result : "")}");
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
