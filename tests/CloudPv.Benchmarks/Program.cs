using System.CommandLine;
using CloudPv.Benchmarks;

return await new RootCommand("Measures the engine beside its peer, in one run") { BootBenchmark.Create() }.Parse(args).InvokeAsync();
