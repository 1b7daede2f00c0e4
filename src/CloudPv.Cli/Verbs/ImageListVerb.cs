using System.CommandLine;
using CloudPv.Cli.Service;

namespace CloudPv.Cli.Verbs;

/// <summary><c>cloudpv image list</c>.</summary>
internal static class ImageListVerb
{
    public static Command Create()
    {
        var kind = new Option<string?>("--kind") { Description = "Only these" }.AcceptOnlyFromAmong("machine", "kernel", "ramdisk");
        var command = new Command("list", "List the service's images") { kind };
        command.SetAction((arguments, cancel) => ListAsync(arguments.GetValue(kind), cancel));
        return command;
    }

    private static async Task<int> ListAsync(string? kind, CancellationToken cancel)
    {
        using var service = ServiceClient.FromEnvironment();
        foreach (var image in await service.ListImagesAsync(kind, name: null, cancel))
            Console.WriteLine($"{image.Id}  {image.Kind,-8}  {image.SizeBytes,12}  {image.Name}  {image.Description}");
        return 0;
    }
}
