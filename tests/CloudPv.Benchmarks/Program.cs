using CloudPv.Benchmarks;

return await BenchCommand.Create(
    GuestCommand.Create(),
    EngineCommand.Create(),
    BootBenchmark.Create(),
    LaunchCommand.Create(),
    DensityCommand.Create()).Parse(args).InvokeAsync();
