namespace CloudPv.Cloud;

/// <summary>How the event log tells of instances.</summary>
internal static class InstanceEvents
{
    public const string StateChanged = "instance-state-changed";

    public static string Words(Instance instance)
    {
        var state = instance.State.ToWord();
        return instance.StateMessage is null ? $"{instance.Name} is {state}." : $"{instance.Name} is {state}: {instance.StateMessage}";
    }
}
