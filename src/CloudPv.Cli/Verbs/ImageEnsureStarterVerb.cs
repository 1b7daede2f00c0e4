using System.CommandLine;
using CloudPv.Cli.Service;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Cli.Verbs;

/// <summary><c>cloudpv image ensure-starter</c>: builds and catalogues the starter image where the service has none.</summary>
internal static class ImageEnsureStarterVerb
{
    public static Command Create()
    {
        var output = new Option<string>("--output") { Description = "Folder of the built image; what is there already is used", Required = true };
        var command = new Command("ensure-starter", "Put the starter image into the service's catalogue, unless it has it; build it first where need be") { output };
        command.SetAction((arguments, cancel) => EnsureAsync(arguments.GetValue(output)!, cancel));
        return command;
    }

    private static async Task<int> EnsureAsync(string folder, CancellationToken cancel)
    {
        using var service = ServiceClient.FromEnvironment();
        var registration = new StarterImageRegistration(service);
        if (await registration.FindAsync(StarterImageBuilder.Name, cancel) is not null)
            return 0;
        Console.WriteLine("Preparing the starter image");
        var manifest = await StarterImageRegistration.ReadManifestAsync(folder, cancel)
            ?? await new StarterImageBuilder(DebianPackages.InUserCache(), StarterImageBuilder.DefaultKernelPackage).BuildAsync(folder, cancel);
        var image = await registration.RegisterAsync(folder, manifest, cancel);
        Console.WriteLine($"{image.Id}  {image.Name}: {manifest.Description}");
        return 0;
    }
}
