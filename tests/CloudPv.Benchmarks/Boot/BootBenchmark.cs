using System.CommandLine;
using System.Globalization;
using CloudPv.Cli.StarterImage;
using CloudPv.Hypervisor;

namespace CloudPv.Benchmarks;

/// <summary><c>bench boot</c>: a Debian kernel to user space on our engine and on QEMU's software emulation, in turn, in one run.</summary>
internal static class BootBenchmark
{
    public static Command Create()
    {
        var repeat = new Option<int>("--repeat") { Description = "Counted runs of each engine, after one that isn't counted", DefaultValueFactory = _ => 5 };
        var vcpus = new Option<int>("--vcpus") { Description = "CPUs of the guest", DefaultValueFactory = _ => 1 };
        var memory = new Option<int>("--memory") { Description = "MiB of memory of the guest", DefaultValueFactory = _ => 256 };
        var kernel = new Option<string>("--kernel-package") { Description = "Debian package of the kernel", DefaultValueFactory = _ => StarterImageBuilder.DefaultKernelPackage };
        var app = new Option<string>("--app") { Description = "Folder with the built programs", DefaultValueFactory = _ => Path.GetFullPath("artifacts/current") };
        var alone = new Option<bool>("--alone") { Description = "Without the peer: to boot many times in a row" };
        var command = new Command("boot", "Wall time from the start of the process to the guest's init, ours and QEMU TCG's") { repeat, vcpus, memory, kernel, app, alone };
        command.SetAction((arguments, cancel) => RunAsync(
            arguments.GetValue(repeat), arguments.GetValue(vcpus), arguments.GetValue(memory), arguments.GetValue(kernel)!, arguments.GetValue(app)!,
            arguments.GetValue(alone), cancel));
        return command;
    }

    private static void Unpack(string kernel, string vmlinux)
    {
        using var image = KernelImage.Inspect(File.ReadAllBytes(kernel));
        using var file = File.Create(vmlinux);
        image.CopyElfTo(file);
    }

    private static async Task<int> RunAsync(int repeat, int vcpus, int memoryMiB, string kernelPackage, string app, bool alone, CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("cloudpv-bench-");
        try
        {
            var guest = await BootGuest.MakeAsync(kernelPackage, folder.FullName, cancel);
            var vmlinux = Path.Combine(folder.FullName, "vmlinux");
            Unpack(guest.Kernel, vmlinux);
            var ours = BootEngine.CloudPv(guest, app, vcpus, memoryMiB);
            BootEngine[] engines = alone ? [ours] : [ours, BootEngine.Qemu(vmlinux, guest, vcpus, memoryMiB)];
            Report(await MeasureInTurnAsync(engines, repeat, vcpus), Path.GetFileName(guest.Kernel), vcpus, memoryMiB);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<(string Name, Sample Milliseconds)[]> MeasureInTurnAsync(BootEngine[] engines, int repeat, int vcpus)
    {
        var times = engines.ToDictionary(engine => engine, _ => new List<double>());
        for (var run = 0; run <= repeat; run++)
        {
            foreach (var engine in engines)
            {
                var elapsed = await engine.MeasureAsync(vcpus);
                if (run > 0)
                    times[engine].Add(elapsed.TotalMilliseconds);
            }
        }
        return [.. engines.Select(engine => (engine.Name, new Sample(times[engine])))];
    }

    private static void Report((string Name, Sample Milliseconds)[] results, string kernel, int vcpus, int memoryMiB)
    {
        var peer = results[^1].Milliseconds.Median;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kernel}, {vcpus} CPU, {memoryMiB} MiB: start of the process to init, ms\n"));
        Console.WriteLine($"| engine | median | least | most | ratio to {results[^1].Name} |");
        Console.WriteLine("|---|--:|--:|--:|--:|");
        foreach (var (name, time) in results)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {time.Median:F0} | {time.Least:F0} | {time.Most:F0} | {time.Median / peer:F2} |"));
    }
}
