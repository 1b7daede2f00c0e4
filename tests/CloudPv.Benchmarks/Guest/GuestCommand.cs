using System.CommandLine;

namespace CloudPv.Benchmarks;

/// <summary><c>bench guest</c>.</summary>
internal static class GuestCommand
{
    public static Command Create()
    {
        var guest = new GuestOptions();
        var report = new ReportOptions();
        var command = new Command("guest", "One guest and its work on our engine, on QEMU TCG and, as root, on the host itself");
        guest.AddTo(command);
        report.AddTo(command);
        command.SetAction((arguments, cancel) => report.RunAsync(arguments, () => [guest.Read(arguments)], cancel));
        return command;
    }
}
