using System.CommandLine;
using CloudPv.Benchmarks;

var root = new RootCommand("Measures the engine beside its peer, in one run")
{
    GuestCommand.Create(),
    EngineCommand.Create(),
    BootBenchmark.Create(),
};
return await root.Parse(args).InvokeAsync();
