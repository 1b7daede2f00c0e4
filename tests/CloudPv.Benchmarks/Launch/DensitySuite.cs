using System.Diagnostics;
using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>Many idle guests on one host: what they use, and whether each still answers.</summary>
internal sealed record DensitySuite(string App, string KernelPackage, int DebianGuests, int TinyGuests, int Seconds) : ISuite
{
    private const int TinyMemoryMiB = 32, DebianMemoryMiB = 128;
    private const double TicksPerSecond = 100; // USER_HZ

    /// <summary>A boot's last work and its garbage are done with by then.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    public async Task MeasureAsync(Measurements measurements, CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("cloudpv-bench-");
        try
        {
            var tiny = Path.Combine(folder.FullName, "tiny");
            await File.WriteAllBytesAsync(tiny, LaunchGuests.AssembleTiny(), cancel);
            var debian = await BootGuest.MakeAsync(KernelPackage, LaunchGuests.IdleInit, folder.FullName, cancel);
            await MeasureDebianAsync(measurements, debian, cancel);
            await MeasureTinyAsync(measurements, tiny, cancel);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task MeasureDebianAsync(Measurements measurements, BootGuest guest, CancellationToken cancel)
    {
        await using var service = await LaunchService.StartAsync(App, cancel);
        var image = await service.RegisterAsync("debian", guest.Kernel, guest.Ramdisk, cancel);
        var instances = new List<string>();
        for (var count = 0; count < DebianGuests; count++)
        {
            instances.Add((await service.LaunchAsync(image, DebianMemoryMiB, cancel)).Id);
            await service.BootedAsync(instances[^1], cancel);
        }
        await Task.Delay(Settling, cancel);
        var (guests, programs) = await UseAsync(instances.ConvertAll(service.ProcessOf), [.. service.Programs], cancel);
        measurements.Add(LaunchRows.Idle, Contender.CloudPv, guests);
        measurements.Add(LaunchRows.IdleService, Contender.CloudPv, programs);
        foreach (var (id, process) in instances.Select(id => (id, service.ProcessOf(id))))
        {
            var footprint = Footprint.OfProcess(process, mapping => mapping.Name.StartsWith($"/memfd:{id}", StringComparison.Ordinal))!;
            measurements.Add(LaunchRows.Private, Contender.CloudPv, footprint.Private / (double)(1 << 20));
            measurements.Add(LaunchRows.Touched, Contender.CloudPv, footprint.Touched / (double)(1 << 20));
        }
        var slowest = TimeSpan.Zero;
        foreach (var id in instances)
        {
            var answer = await service.AnswerAsync(id, cancel);
            slowest = answer > slowest ? answer : slowest;
        }
        measurements.Add(LaunchRows.Answer, Contender.CloudPv, slowest.TotalMilliseconds);
    }

    private async Task MeasureTinyAsync(Measurements measurements, string kernel, CancellationToken cancel)
    {
        await using var service = await LaunchService.StartAsync(App, cancel);
        var image = await service.RegisterAsync("tiny", kernel, ramdisk: null, cancel);
        var instances = new List<string>();
        for (var count = 0; count < TinyGuests; count++)
            instances.Add((await service.LaunchAsync(image, TinyMemoryMiB, cancel)).Id);
        await Task.Delay(Settling, cancel);
        var processes = instances.ConvertAll(service.ProcessOf);
        measurements.Add(LaunchRows.IdleTiny, Contender.CloudPv, (await UseAsync(processes, [], cancel)).Guests);
        foreach (var (id, process) in instances.Zip(processes))
        {
            var footprint = Footprint.OfProcess(process, mapping => mapping.Name.StartsWith($"/memfd:{id}", StringComparison.Ordinal))!;
            measurements.Add(LaunchRows.PrivateTiny, Contender.CloudPv, footprint.Private / (double)(1 << 20));
        }
    }

    /// <summary>Processor time of two groups of processes over some seconds, each in hundredths of one processor.</summary>
    private async Task<(double Guests, double Programs)> UseAsync(List<int> guests, int[] programs, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var (guestsBefore, programsBefore) = (guests.Sum(SecondsOf), programs.Sum(SecondsOf));
        await Task.Delay(TimeSpan.FromSeconds(Seconds), cancel);
        var percent = 100 / clock.Elapsed.TotalSeconds;
        return ((guests.Sum(SecondsOf) - guestsBefore) * percent, (programs.Sum(SecondsOf) - programsBefore) * percent);
    }

    /// <summary>utime and stime of proc(5), the 14th and 15th field; the second is a name in brackets.</summary>
    private static double SecondsOf(int process)
    {
        var stat = File.ReadAllText($"/proc/{process.ToInvariant()}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
