using System.CommandLine;
using CloudPv.Cli;
using CloudPv.Cli.Verbs;

var root = new RootCommand("CloudPv: Xen PV instances without a hypervisor")
{
    new Command("domu", "Run domUs with no service") { DomuCreateVerb.Create() },
    new Command("image", "Build images, and talk to a service's catalogue of them (CLOUDPV_URL, CLOUDPV_KEY)")
    {
        ImageListVerb.Create(), ImageUploadVerb.CreateUpload(), ImageUploadVerb.CreateRegister(), ImageBuildStarterVerb.Create(), ImageEnsureStarterVerb.Create(),
    },
    new Command("instance", "Talk to a service about its instances (CLOUDPV_URL, CLOUDPV_KEY)") { InstanceStopAllVerb.Create() },
};

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (CommandFailedException failure)
{
    await Console.Error.WriteLineAsync($"cloudpv: {failure.Message}");
    return 1;
}
