using System.CommandLine;
using CloudPv.Cli;
using CloudPv.Cli.Verbs;

var domu = new Command("domu", "Run domUs with no service") { DomuCreateVerb.Create() };
var image = new Command("image", "Build images and talk to a service's image catalogue") { ImageBuildStarterVerb.Create() };
var root = new RootCommand("CloudPv: Xen PV instances without a hypervisor") { domu, image };

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (CommandFailedException failure)
{
    await Console.Error.WriteLineAsync($"cloudpv: {failure.Message}");
    return 1;
}
