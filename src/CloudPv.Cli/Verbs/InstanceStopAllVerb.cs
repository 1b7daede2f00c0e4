using System.CommandLine;
using System.Diagnostics;
using CloudPv.Cli.Service;

namespace CloudPv.Cli.Verbs;

/// <summary><c>cloudpv instance stop-all</c>: what runs is asked to power off, and made to after a while.</summary>
internal static class InstanceStopAllVerb
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var command = new Command("stop-all", "Stop all running instances and wait until they have; their disks stay");
        command.SetAction((_, cancel) => StopAllAsync(cancel));
        return command;
    }

    private static async Task<int> StopAllAsync(CancellationToken cancel)
    {
        using var service = ServiceClient.FromEnvironment();
        var asked = new HashSet<string>(StringComparer.Ordinal);
        var forced = new HashSet<string>(StringComparer.Ordinal);
        for (var waited = Stopwatch.StartNew(); await service.ListInstancesAsync(["pending", "running", "stopping", "shutting-down"], cancel) is { Count: > 0 } instances;)
        {
            var force = waited.Elapsed > Patience;
            foreach (var instance in instances.Where(instance => instance.State == "running" || (force && instance.State == "stopping")))
            {
                if (!(force ? forced : asked).Add(instance.Id))
                    continue;
                Console.WriteLine($"{instance.Id}  {(force ? "stopping by force" : "stopping")}");
                await service.StopInstanceAsync(instance.Id, force, cancel);
            }

            await Task.Delay(LookAgain, cancel);
        }

        return 0;
    }
}
