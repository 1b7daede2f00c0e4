using System.CommandLine;
using CloudPv.Cli.Service;

namespace CloudPv.Cli.Verbs;

/// <summary><c>cloudpv image upload</c> and <c>register</c>: a file becomes an image; a machine image may do without one.</summary>
internal static class ImageUploadVerb
{
    private static readonly Argument<FileInfo> File = new("file") { Description = "A PV kernel, a ramdisk or a raw disk" };
    private static readonly Option<string> Name = new("--name") { Description = "The image's name", Required = true };
    private static readonly Option<string?> Kernel = new("--kernel") { Description = "Of a machine image: its kernel's id (aki-…)" };
    private static readonly Option<string?> Ramdisk = new("--ramdisk") { Description = "Of a machine image: its ramdisk's id (ari-…)" };
    private static readonly Option<string?> RootDevice = new("--root-device") { Description = "Of a machine image: the disk's name in the guest (xvda)" };
    private static readonly Option<string?> CommandLine = new("--cmdline") { Description = "Of a machine image: its kernel's command line" };

    public static Command CreateUpload()
    {
        var kind = new Option<string>("--kind") { Description = "What the file is", Required = true }.AcceptOnlyFromAmong("machine", "kernel", "ramdisk");
        var command = new Command("upload", "Upload a file and register it as an image") { File, kind, Name, Kernel, Ramdisk, RootDevice, CommandLine };
        command.SetAction((arguments, cancel) => RegisterAsync(arguments, arguments.GetValue(kind)!, arguments.GetValue(File), cancel));
        return command;
    }

    public static Command CreateRegister()
    {
        var command = new Command("register", "Register a machine image that has no disk: kernel and ramdisk alone") { Name, Kernel, Ramdisk, CommandLine };
        command.SetAction((arguments, cancel) => RegisterAsync(arguments, "machine", file: null, cancel));
        return command;
    }

    private static async Task<int> RegisterAsync(ParseResult arguments, string kind, FileInfo? file, CancellationToken cancel)
    {
        using var service = ServiceClient.FromEnvironment();
        var image = new NewImage(
            kind, arguments.GetValue(Name)!, arguments.GetValue(Kernel), arguments.GetValue(Ramdisk), arguments.GetValue(RootDevice), arguments.GetValue(CommandLine));
        var registered = await service.RegisterImageAsync(image, file, cancel);
        Console.WriteLine($"{registered.Id}  {registered.Description}");
        return 0;
    }
}
