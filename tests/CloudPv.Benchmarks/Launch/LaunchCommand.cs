using System.CommandLine;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Benchmarks;

/// <summary><c>bench launch</c>.</summary>
internal static class LaunchCommand
{
    public static Command Create()
    {
        var repeat = new Option<int>("--repeat") { Description = "Counted launches of each guest, after one that isn't counted", DefaultValueFactory = _ => 10 };
        var growth = new Option<int>("--growth") { Description = "Guests that the host grows to", DefaultValueFactory = _ => 100 };
        var kernel = new Option<string>("--kernel-package") { Description = "Debian package of the kernel", DefaultValueFactory = _ => StarterImageBuilder.DefaultKernelPackage };
        var app = new Option<string>("--app") { Description = "Folder with the built programs", DefaultValueFactory = _ => Path.GetFullPath("artifacts/current") };
        var report = new ReportOptions();
        var command = new Command("launch", "Launch call to the console's first byte, on a service of its own") { repeat, growth, kernel, app };
        report.AddTo(command);
        command.SetAction((arguments, cancel) => report.RunAsync(
            arguments,
            () => [new LaunchSuite(arguments.GetValue(app)!, arguments.GetValue(kernel)!, arguments.GetValue(repeat), arguments.GetValue(growth))],
            cancel));
        return command;
    }
}
