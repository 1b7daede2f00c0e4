using System.CommandLine;

namespace CloudPv.Benchmarks;

/// <summary><c>bench</c> alone: every suite, in one report.</summary>
internal static class BenchCommand
{
    public static RootCommand Create(params ReadOnlySpan<Command> commands)
    {
        var guest = new GuestOptions();
        var report = new ReportOptions();
        var root = new RootCommand("Measures the engine beside its peer, in one run. Without a command: everything that has a report, in one");
        guest.AddTo(root);
        report.AddTo(root);
        root.SetAction((arguments, cancel) => report.RunAsync(arguments, () => [guest.Read(arguments), new EngineSuite(guest.RepeatOf(arguments))], cancel));
        foreach (var command in commands)
            root.Add(command);
        return root;
    }
}
