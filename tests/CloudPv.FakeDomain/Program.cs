// Speaks docs/domain-control.md with no domain behind it, so that everything above a domain process can be tested
// without one. The spec's command line says how it behaves: "build-failure", "hang" (deaf to shutdown), or nothing.
// What is typed on its console is printed back; the line "crash" crashes it, "suspend" suspends it, "poweroff" powers it off.
using System.Text.Json;
using CloudPv.FakeDomain;

switch (args)
{
    case ["--inspect", var file]:
        Console.WriteLine(Inspection.Of(file));
        return 0;
    case ["--spec", var spec]:
        return await RunAsync(spec, () => { });
    case ["--warm", _]:
        Console.WriteLine("ready");
        if (Console.ReadLine() is not { } line)
            return 0;
        using (var handover = JsonDocument.Parse(line))
        {
            string Named(string file) => handover.RootElement.GetProperty(file).GetString()!;
            using var @lock = new FileStream(Named("lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); // flock(2) on Linux
            await File.WriteAllTextAsync(Named("pid"), $"{Environment.ProcessId}\n");
            return await RunAsync(Named("spec"), () => Console.WriteLine("listening"));
        }
    default:
        return 2;
}

static async Task<int> RunAsync(string specFile, Action listening)
{
    using var spec = JsonDocument.Parse(File.ReadAllBytes(specFile));
    using var domain = new ScriptedDomain(
        spec.RootElement.GetProperty("controlSocket").GetString()!,
        spec.RootElement.GetProperty("consoleLog").GetString()!,
        spec.RootElement.GetProperty("commandLine").GetString()!);
    return await domain.RunAsync(listening);
}
