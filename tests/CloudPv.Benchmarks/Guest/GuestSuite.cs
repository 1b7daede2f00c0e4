using System.Collections.Immutable;
using System.Globalization;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>The same guest, the same work: on our engine, on its peer, and the programs on the host itself, in turn.</summary>
internal sealed record GuestSuite : ISuite
{
    private const int WorkMemoryMiB = 512;

    /// <summary>Beside the time that a row takes by itself: its warm-up round, which under an emulator can take long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Names of rows and groups.</summary>
    public required IReadOnlyList<string> Rows { get; init; }

    /// <summary>Numbers of CPUs, each measured by itself.</summary>
    public required IReadOnlyList<int> Cpus { get; init; }

    public required int Repeat { get; init; }

    /// <summary>For each row.</summary>
    public required double Seconds { get; init; }

    /// <summary>Only our engine.</summary>
    public required bool Alone { get; init; }

    public required string KernelPackage { get; init; }

    /// <summary>The folder with the built programs.</summary>
    public required string App { get; init; }

    public async Task MeasureAsync(Measurements measurements, CancellationToken cancel)
    {
        var chosen = GuestRows.Choose(Rows);
        var withNative = !Alone && NativeRun.IsPossible;
        if (!Alone && !withNative)
            measurements.Note("native was not measured: mounting and chroot need root");

        var folder = Directory.CreateTempSubdirectory("cloudpv-bench-").FullName;
        try
        {
            var files = await GuestFiles.BuildAsync(KernelPackage, folder, cancel);
            measurements.Note($"Guest: {string.Join(", ", files.Packages.Select(package => $"{package.Name} {package.Version}"))}");
            measurements.Note(string.Create(CultureInfo.InvariantCulture, $"{Seconds} s for each row, {Repeat} repeats in turn"));
            using var disk = chosen.Any(row => row.Group == GuestRow.Disk) ? BenchmarkDisk.Create() : null;
            for (var repeat = 1; repeat <= Repeat; repeat++)
            {
                foreach (var cpus in Cpus)
                {
                    await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"repeat {repeat} of {Repeat}, {cpus} CPU"));
                    if (Rows.Contains(BootRows.Boot) || Rows.Contains(BootRows.Memory))
                        await MeasureBootAsync(files, cpus, measurements, cancel);
                    var rows = GuestRows.For(chosen, cpus, least: cpus == Cpus.Min());
                    if (rows.Count > 0)
                        await MeasureWorkAsync(files, rows, cpus, disk?.Path, withNative, measurements, cancel);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task MeasureBootAsync(GuestFiles files, int cpus, Measurements measurements, CancellationToken cancel)
    {
        var cache = Directory.CreateTempSubdirectory("cloudpv-bench-cache-").FullName;
        try
        {
            Row[] launches = [BootRows.First(cpus), BootRows.Again(cpus)];
            foreach (var row in launches)
            {
                foreach (var process in Processes(files, new GuestSpec(cpus, BootRows.GuestMemoryMiB, [], Seconds, Disk: null), cache))
                {
                    var run = await GuestRun.StartAsync(process, Patience, cancel);
                    Take(run, process, measurements);
                    if (Rows.Contains(BootRows.Boot) && run.Boot is { } boot)
                        measurements.Add(row, process.Contender, boot.TotalMilliseconds);
                    if (Rows.Contains(BootRows.Memory) && row == launches[^1] && run.Footprint is { } footprint)
                        Add(measurements, process.Contender, cpus, footprint);
                }
            }
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    private async Task MeasureWorkAsync(
        GuestFiles files, IReadOnlyList<GuestRow> rows, int cpus, string? disk, bool withNative, Measurements measurements, CancellationToken cancel)
    {
        var spec = new GuestSpec(cpus, WorkMemoryMiB, [.. rows.Select(row => row.Name)], Seconds, disk);
        foreach (var process in Processes(files, spec, cacheFolder: Path.GetDirectoryName(files.Ramdisk)!))
        {
            var run = await GuestRun.StartAsync(process, Patience + TimeSpan.FromSeconds(Seconds), cancel);
            Take(run, process, measurements);
            Add(run.Rows, process.Contender);
        }

        if (withNative)
            Add(await NativeRun.StartAsync(files.Root, spec, cancel), Contender.Native);

        void Add(IReadOnlyDictionary<string, double> values, string contender)
        {
            foreach (var row in rows)
            {
                if (values.TryGetValue(row.Name, out var value))
                    measurements.Add(row.With(cpus), contender, value);
                else
                    measurements.Fail($"{contender} did not measure {row.Name} with {cpus.ToInvariant()} CPU");
            }
        }
    }

    private ImmutableArray<GuestProcess> Processes(GuestFiles files, GuestSpec spec, string cacheFolder) =>
        Alone ? [GuestProcess.CloudPv(App, files, spec, cacheFolder)] : [GuestProcess.CloudPv(App, files, spec, cacheFolder), GuestProcess.Qemu(files, spec)];

    private static void Take(GuestRun run, GuestProcess process, Measurements measurements)
    {
        if (run.Failure is { } failure)
            measurements.Fail($"{process.Contender} {failure}");
    }

    private static void Add(Measurements measurements, string contender, int cpus, Footprint footprint)
    {
        measurements.Add(BootRows.Private(cpus), contender, MiB(footprint.Private));
        measurements.Add(BootRows.Beside(cpus), contender, MiB(footprint.Beside));
        measurements.Add(BootRows.Touched(cpus), contender, MiB(footprint.Touched));
        measurements.Add(BootRows.Peak(cpus), contender, MiB(footprint.Peak));
    }

    private static double MiB(ulong bytes) => bytes / (double)(1 << 20);
}
