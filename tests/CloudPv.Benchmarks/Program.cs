using CloudPv.Benchmarks;

return await BenchCommand.Create(
    GuestCommand.Create(),
    EngineCommand.Create(),
    BootBenchmark.Create()).Parse(args).InvokeAsync();
