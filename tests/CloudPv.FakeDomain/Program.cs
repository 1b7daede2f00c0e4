// Speaks docs/domain-control.md with no domain behind it, so that everything above a domain process can be tested
// without one. The spec's command line says how it behaves: "build-failure", "hang" (deaf to shutdown), or nothing.
// What is typed on its console is printed back; the line "crash" crashes it, "suspend" suspends it, "poweroff" powers it off.
using System.Text.Json;
using CloudPv.FakeDomain;

if (args is ["--inspect", var file])
{
    Console.WriteLine(Inspection.Of(file));
    return 0;
}
using var spec = JsonDocument.Parse(File.ReadAllBytes(args[1]));
using var domain = new ScriptedDomain(
    spec.RootElement.GetProperty("controlSocket").GetString()!,
    spec.RootElement.GetProperty("consoleLog").GetString()!,
    spec.RootElement.GetProperty("commandLine").GetString()!);
return await domain.RunAsync();
