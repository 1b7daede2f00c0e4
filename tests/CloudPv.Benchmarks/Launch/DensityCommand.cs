using System.CommandLine;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Benchmarks;

/// <summary><c>bench density</c>.</summary>
internal static class DensityCommand
{
    public static Command Create()
    {
        var debian = new Option<int>("--guests") { Description = "Idle Debian guests of 128 MiB", DefaultValueFactory = _ => 100 };
        var tiny = new Option<int>("--tiny-guests") { Description = "Idle tiny guests", DefaultValueFactory = _ => 200 };
        var seconds = new Option<int>("--seconds") { Description = "Seconds over which processor time is taken", DefaultValueFactory = _ => 30 };
        var kernel = new Option<string>("--kernel-package") { Description = "Debian package of the kernel", DefaultValueFactory = _ => StarterImageBuilder.DefaultKernelPackage };
        var app = new Option<string>("--app") { Description = "Folder with the built programs", DefaultValueFactory = _ => Path.GetFullPath("artifacts/current") };
        var report = new ReportOptions();
        var command = new Command("density", "Many idle guests: processor time, memory, answers") { debian, tiny, seconds, kernel, app };
        report.AddTo(command);
        command.SetAction((arguments, cancel) => report.RunAsync(
            arguments,
            () =>
            [
                new DensitySuite(
                    arguments.GetValue(app)!, arguments.GetValue(kernel)!, arguments.GetValue(debian), arguments.GetValue(tiny), arguments.GetValue(seconds)),
            ],
            cancel));
        return command;
    }
}
