using System.CommandLine;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Cli.Verbs;

/// <summary><c>cloudpv image build-starter</c>: the image that a new service comes with, made from Debian's packages.</summary>
internal static class ImageBuildStarterVerb
{
    public static Command Create()
    {
        var output = new Option<string>("--output") { Description = "Folder to write vmlinuz, initrd.img, root.img and manifest.json to", Required = true };
        var kernel = new Option<string>("--kernel-package")
        {
            Description = "Debian package of the kernel",
            DefaultValueFactory = _ => StarterImageBuilder.DefaultKernelPackage,
        };
        var command = new Command("build-starter", "Build the starter image (kernel, initrd, root disk) from Debian packages; no root privileges needed") { output, kernel };
        command.SetAction((arguments, cancel) => BuildAsync(arguments.GetValue(kernel)!, arguments.GetValue(output)!, cancel));
        return command;
    }

    private static async Task<int> BuildAsync(string kernelPackage, string output, CancellationToken cancel)
    {
        var manifest = await new StarterImageBuilder(DebianPackages.InUserCache(), kernelPackage).BuildAsync(output, cancel);
        foreach (var file in manifest.Files)
            Console.WriteLine($"{Path.Combine(output, file.File)}  {file.Kind}, {file.Size} bytes, sha256 {file.Sha256}");
        return 0;
    }
}
