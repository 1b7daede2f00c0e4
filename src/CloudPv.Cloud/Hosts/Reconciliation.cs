using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud;

/// <summary>What to do so that the catalogue and a host agree about an instance.</summary>
internal abstract record Step
{
    /// <summary>They agree.</summary>
    public sealed record Nothing : Step;

    public sealed record Launch : Step;

    public sealed record Stop : Step;

    public sealed record Destroy : Step;

    public sealed record Become(InstanceState State, string? Reason, string? Message) : Step;
}

/// <summary>
/// The rule that drives every instance: the catalogue says what is wanted, the host what is, and one step brings them
/// closer. As it looks at nothing else, it doesn't matter which process died in between, or what was said twice.
/// </summary>
internal static class Reconciliation
{
    private static readonly Step Nothing = new Step.Nothing();

    /// <param name="instance">What the catalogue says.</param>
    /// <param name="host">What the host says; null where it doesn't have the instance.</param>
    public static Step Next(Instance instance, InstanceReport? host)
    {
        var current = host?.Run == instance.Run ? host : null;
        return instance.State switch
        {
            InstanceState.Pending when current is null => new Step.Launch(),
            InstanceState.Pending or InstanceState.Stopped when current?.State == DomainState.Running => new Step.Become(InstanceState.Running, null, null),
            InstanceState.Pending when current!.State == DomainState.Stopped => Ended(instance, current),
            InstanceState.Running when current is null => new Step.Become(InstanceState.Stopped, "lost", "Its host no longer has it."),
            InstanceState.Running when current.State == DomainState.Stopped => Ended(instance, current),
            InstanceState.Stopping when current is null or { State: DomainState.Stopped } =>
                new Step.Become(InstanceState.Stopped, instance.StateReason, instance.StateMessage),
            InstanceState.Stopping => new Step.Stop(),
            InstanceState.ShuttingDown when host is null => new Step.Become(InstanceState.Terminated, instance.StateReason, instance.StateMessage),
            InstanceState.ShuttingDown => new Step.Destroy(),
            InstanceState.Terminated when host is not null => new Step.Destroy(),
            _ => Nothing,
        };
    }

    /// <summary>An instance that could not even be launched is gone, as EC2's; any other may be started again.</summary>
    private static Step.Become Ended(Instance instance, InstanceReport host) => new(
        host.Reason == StopReason.BuildFailed && instance.Run == 1 ? InstanceState.Terminated : InstanceState.Stopped,
        host.Reason?.ToWord(),
        Words(host));

    private static string Words(InstanceReport host)
    {
        var what = host.Reason switch
        {
            StopReason.Poweroff => "The guest powered off.",
            StopReason.Reboot => "The guest rebooted.",
            StopReason.Suspend => "The guest suspended itself.",
            StopReason.Crash => "The guest's kernel crashed.",
            StopReason.Watchdog => "The guest's watchdog fired.",
            StopReason.Destroyed => "Its domain was destroyed.",
            StopReason.BuildFailed => "Its domain could not be built.",
            StopReason.Failed => "Its domain's process failed.",
            _ => "Its domain's process died.",
        };
        return host switch
        {
            { Detail: null or "" } => what,
            { Reason: StopReason.Crash } => Sentence(host.Detail),
            _ => $"{what} {Sentence(host.Detail)}",
        };
    }

    private static string Sentence(string words) => $"{char.ToUpperInvariant(words[0])}{words[1..].TrimEnd('.')}.";
}
