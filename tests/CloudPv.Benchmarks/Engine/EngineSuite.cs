namespace CloudPv.Benchmarks;

/// <summary>Operations of the engine by themselves. The peer has no such parts to compare with: reports compare them with their own earlier values.</summary>
internal sealed record EngineSuite(int Repeat) : ISuite
{
    /// <summary>Until .NET has compiled the engine for good.</summary>
    private const int WarmUps = 5;

    private static readonly EngineBenchmark[] All =
    [
        new("translate", TranslationCode.Instructions, TranslationCode.Prepare),
        new("tlb_hit", MemoryCode.Accesses, () => MemoryCode.Prepare(MemoryCode.FewPages)),
        new("tlb_miss", MemoryCode.Accesses, () => MemoryCode.Prepare(MemoryCode.ManyPages)),
        new("hypercall", DomainCode.Rounds, () => new DomainGuest(DomainCode.Hypercalls, vcpus: 1)),
        new("event", DomainCode.Rounds, () => new DomainGuest(DomainCode.Events, vcpus: 1)),
        new("wake_up", DomainCode.WakeUps, () => new DomainGuest(DomainCode.PingPong, vcpus: 2)),
    ];

    public Task MeasureAsync(Measurements measurements, CancellationToken cancel)
    {
        foreach (var benchmark in All)
        {
            for (var run = 0; run < WarmUps; run++)
                benchmark.Measure();
        }

        for (var repeat = 0; repeat < Repeat; repeat++)
        {
            foreach (var benchmark in All)
            {
                cancel.ThrowIfCancellationRequested();
                measurements.Add(benchmark.Row, Contender.CloudPv, benchmark.Measure());
            }
        }

        return Task.CompletedTask;
    }
}
