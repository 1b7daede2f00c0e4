using CloudPv.Xen;

namespace CloudPv.Dom0;

public enum DomuState
{
    Building,
    Running,
    Stopped,
}

/// <summary>Why a domain ended.</summary>
public enum DomuEnd
{
    Poweroff,
    Reboot,

    /// <summary>The guest suspended itself, for a save that nobody makes: what it had in memory is gone.</summary>
    Suspend,

    Crash,
    Watchdog,

    /// <summary>Stopped from outside.</summary>
    Destroyed,
}

/// <summary>A domU at one time.</summary>
/// <param name="StartedAt">When the present domain began to run; null before the first did.</param>
/// <param name="Reason">How the last domain ended: the reason of a stop, or of the last restart.</param>
/// <param name="Detail">More about the reason, for people; null where there is no more to say.</param>
/// <param name="Restarts">Domains that were built after the first.</param>
public sealed record DomuStatus(DomuState State, DateTimeOffset? StartedAt = null, DomuEnd? Reason = null, string? Detail = null, int Restarts = 0)
{
    internal static (DomuEnd Reason, string? Detail) EndOf(ShutdownReason reason, string? crash) => reason switch
    {
        ShutdownReason.PowerOff => (DomuEnd.Poweroff, null),
        ShutdownReason.Reboot => (DomuEnd.Reboot, null),
        ShutdownReason.Suspend => (DomuEnd.Suspend, "nothing saved it: its next start is a boot"),
        ShutdownReason.Watchdog => (DomuEnd.Watchdog, "the guest didn't feed its watchdog in time"),
        ShutdownReason.Crash => (DomuEnd.Crash, crash ?? "the guest's kernel reported its own crash: its console has more"),
        // Nothing was asked of the guest that would make it reset itself, so whoever does is out of order.
        _ => (DomuEnd.Crash, $"the guest shut down with the reason {(int)reason} ({reason})"),
    };
}
