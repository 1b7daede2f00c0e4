using System.CommandLine;
using System.Diagnostics;
using CloudPv.SelfCheck.Process;
using CloudPv.X86;

namespace CloudPv.SelfCheck;

/// <summary><c>./cloudpv self-check</c>.</summary>
internal static class SelfCheckCommand
{
    private static readonly Argument<string[]> Program = new("program") { Description = "An ELF program of this machine's and its arguments (behind --); none: a set of well-known ones", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<double> Minutes = new("--minutes") { Description = "Begin anew with other disturbances until that much time is over", DefaultValueFactory = _ => 0 };
    private static readonly Option<int?> Seed = new("--seed") { Description = "What the first run's disturbances are drawn from" };
    private static readonly Option<double> Kicks = new("--kick-ms") { Description = "Milliseconds from one disturbance to the next; 0: none", DefaultValueFactory = _ => 1 };

    public static RootCommand Create()
    {
        var command = new RootCommand("Runs programs with all of the translator's optimisations and with none (later on, some), in lock-step and disturbed at random, and compares registers, memory and output. Exit status: 0 no difference, 1 one")
        {
            Program, Minutes, Seed, Kicks,
        };
        command.SetAction((arguments, cancel) => Task.Run(() => Run(arguments, cancel), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult arguments, CancellationToken cancel)
    {
        var seed = arguments.GetValue(Seed) ?? Random.Shared.Next();
        var kickPeriod = arguments.GetValue(Kicks) is > 0 and var kick ? TimeSpan.FromMilliseconds(kick) : (TimeSpan?)null;
        ProgramToRun[] programs = arguments.GetValue(Program) is [var path, .. var rest] ? [new ProgramToRun(path, rest)] : [.. KnownPrograms.Present];
        var limit = TimeSpan.FromMinutes(arguments.GetValue(Minutes));
        var started = Stopwatch.StartNew();
        var right = TranslatorOptions.None;
        do
        {
            foreach (var program in programs)
            {
                var time = Stopwatch.StartNew();
                using var check = new LockStep(program, new TranslatorOptions(), right, seed, kickPeriod);
                if (check.Run(cancel) is { Length: > 0 } difference)
                {
                    Console.Error.WriteLine($"--seed {seed}: {difference}");
                    return 1;
                }

                Console.WriteLine($"{time.Elapsed.TotalSeconds,6:F1} s  {check.Stops,7} stops  {check.Disturbed,6} disturbances  the same  {program}");
            }

            seed++;
            right = Configurations.Draw(seed);
        }
        while (started.Elapsed < limit && !cancel.IsCancellationRequested);
        return 0;
    }
}
