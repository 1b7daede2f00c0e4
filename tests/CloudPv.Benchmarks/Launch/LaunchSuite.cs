namespace CloudPv.Benchmarks;

/// <summary>Launches one after another, each with the host at rest, and many that stay.</summary>
internal sealed record LaunchSuite(string App, string KernelPackage, int Repeat, int Growth) : ISuite
{
    /// <summary>The first and last launches of the growing host that are compared.</summary>
    private const int Compared = 5;

    private const int TinyMemoryMiB = 32, DebianMemoryMiB = 128;

    /// <summary>Until the worker has replaced the process that a launch took: what is measured is a launch on a host at rest.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    public async Task MeasureAsync(Measurements measurements, CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("cloudpv-bench-");
        try
        {
            var tiny = Path.Combine(folder.FullName, "tiny");
            await File.WriteAllBytesAsync(tiny, LaunchGuests.AssembleTiny(), cancel);
            var debian = await BootGuest.MakeAsync(KernelPackage, LaunchGuests.IdleInit, folder.FullName, cancel);
            await MeasureCreateAsync(measurements, tiny, folder.FullName, cancel);

            await using var service = await LaunchService.StartAsync(App, cancel);
            var tinyImage = await service.RegisterAsync("tiny", tiny, ramdisk: null, cancel);
            var debianImage = await service.RegisterAsync("debian", debian.Kernel, debian.Ramdisk, cancel);
            for (var run = 0; run <= Repeat; run++)
            {
                foreach (var (row, image, memory) in new[] { (LaunchRows.Tiny, tinyImage, TinyMemoryMiB), (LaunchRows.Debian, debianImage, DebianMemoryMiB) })
                {
                    await Task.Delay(Rest, cancel);
                    var (id, firstByte) = await service.LaunchAsync(image, memory, cancel);
                    await service.TerminateAsync(id, cancel);
                    if (run > 0) // the first one finds .NET's own code of the service not compiled
                        measurements.Add(row, Contender.CloudPv, firstByte.TotalMilliseconds);
                }
            }
            measurements.Add(LaunchRows.Growth, Contender.CloudPv, await GrowAsync(service, tinyImage, cancel));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task MeasureCreateAsync(Measurements measurements, string kernel, string folder, CancellationToken cancel)
    {
        for (var run = 0; run < Repeat; run++)
        {
            await using var domain = await WarmDomain.StartAsync(App, Path.Combine(folder, $"domain-{run.ToInvariant()}"), cancel);
            measurements.Add(LaunchRows.Create, Contender.CloudPv, (await domain.RunAsync(kernel, cancel)).TotalMilliseconds);
        }
    }

    private async Task<double> GrowAsync(LaunchService service, string image, CancellationToken cancel)
    {
        var times = new List<double>();
        for (var count = 0; count < Growth; count++)
        {
            await Task.Delay(Rest, cancel);
            times.Add((await service.LaunchAsync(image, TinyMemoryMiB, cancel)).FirstByte.TotalMilliseconds);
        }
        return new Sample([.. times.TakeLast(Compared)]).Median / new Sample([.. times.Take(Compared)]).Median;
    }
}
