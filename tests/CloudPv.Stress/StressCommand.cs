using System.CommandLine;
using System.Diagnostics;
using CloudPv.Cli;

namespace CloudPv.Stress;

/// <summary><c>./cloudpv stress</c>.</summary>
internal static class StressCommand
{
    private static readonly Option<double> Minutes = new("--minutes") { Description = "Begin another round until that much time is over", DefaultValueFactory = _ => 0 };
    private static readonly Option<int> Vcpus = new("--vcpus") { Description = "Virtual CPUs, more than the host has", DefaultValueFactory = _ => 4 };
    private static readonly Option<int> Memory = new("--memory") { Description = "Memory of the guest in MiB", DefaultValueFactory = _ => 384 };
    private static readonly Option<int> Seconds = new("--seconds") { Description = "Seconds for each group of stressors", DefaultValueFactory = _ => 3 };
    private static readonly Option<string> Groups = new("--groups") { Description = "Groups of stressors (tests/CloudPv.Stress/Guest/groups), with commas (all)", DefaultValueFactory = _ => "" };
    private static readonly Option<string[]> Without = new("--without") { Description = "Switch these optimisations of the translator off in every round, instead of others in each" };
    private static readonly Option<bool> ShowsConsole = new("--console") { Description = "Print the guest's console" };
    private static readonly Option<string> App = new("--app") { Description = "Folder with the built programs", DefaultValueFactory = _ => Path.GetFullPath("artifacts/current") };

    public static RootCommand Create()
    {
        var command = new RootCommand("Runs stress-ng's stressors with their checks, code that changes itself and checksums on all CPUs of a guest with little memory, in rounds with different optimisations of the translator. Exit status: 0 nothing went wrong, 1 something did")
        {
            Minutes, Vcpus, Memory, Seconds, Groups, Without, ShowsConsole, App,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("cloudpv-stress-").FullName;
        try
        {
            return await RunAsync(arguments, folder, cancel) ? 0 : 1;
        }
        catch (CommandFailedException refused)
        {
            await Console.Error.WriteLineAsync($"cloudpv: {refused.Message}");
            return 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<bool> RunAsync(ParseResult arguments, string folder, CancellationToken cancel)
    {
        var guest = await StressGuest.BuildAsync(folder, cancel);
        var limit = TimeSpan.FromMinutes(arguments.GetValue(Minutes));
        string[] always = arguments.GetValue(Without) ?? [];
        var groups = arguments.GetValue(Groups)!.Split(',', StringSplitOptions.RemoveEmptyEntries);
        var time = Stopwatch.StartNew();
        int rounds = 0, done = 0, failed = 0;
        do
        {
            var without = always is [] ? Configurations.OfRound(rounds) : always;
            var round = new StressRound(arguments.GetValue(App)!, without, arguments.GetValue(Vcpus), arguments.GetValue(Memory), arguments.GetValue(Seconds), groups, arguments.GetValue(ShowsConsole));
            var clock = Stopwatch.StartNew();
            using var disks = await StressDisks.CreateAsync(folder, cancel);
            var judge = await round.RunAsync(guest, disks, cancel);
            rounds++;
            done += judge.Groups;
            failed += judge.Failures.Count;
            Console.WriteLine($"{clock.Elapsed.TotalSeconds,6:F1} s  {judge.Groups,3} groups  {judge.Failures.Count,3} failures  without {(without is [] ? "nothing" : string.Join(", ", without))}");
            foreach (var failure in judge.Failures)
                Console.WriteLine($"          {failure}");
        }
        while (time.Elapsed < limit);
        Console.WriteLine($"{rounds} rounds, {done} groups, {failed} failures in {time.Elapsed.TotalMinutes:F1} minutes");
        return failed == 0;
    }
}
