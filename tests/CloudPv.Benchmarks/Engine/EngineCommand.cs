using System.CommandLine;

namespace CloudPv.Benchmarks;

/// <summary><c>bench engine</c>.</summary>
internal static class EngineCommand
{
    public static Command Create()
    {
        var repeat = new Option<int>("--repeat") { Description = "Times that everything is measured", DefaultValueFactory = _ => 10 };
        var report = new ReportOptions();
        var command = new Command("engine", "Operations of the engine by themselves: translation, TLB, hypercalls, events, wake-ups; ns each") { repeat };
        report.AddTo(command);
        command.SetAction((arguments, cancel) => report.RunAsync(arguments, () => [new EngineSuite(arguments.GetValue(repeat))], cancel));
        return command;
    }
}
