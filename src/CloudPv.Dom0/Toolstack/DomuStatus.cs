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
    Crash,
    Watchdog,

    /// <summary>Stopped from outside.</summary>
    Destroyed,
}

/// <summary>A domU at one time.</summary>
/// <param name="StartedAt">When the present domain began to run; null before the first did.</param>
/// <param name="Reason">How the last domain ended: the reason of a stop, or of the last restart.</param>
/// <param name="Restarts">Domains that were built after the first.</param>
public sealed record DomuStatus(DomuState State, DateTimeOffset? StartedAt = null, DomuEnd? Reason = null, int Restarts = 0)
{
    internal static DomuEnd EndOf(ShutdownReason reason) => reason switch
    {
        ShutdownReason.PowerOff => DomuEnd.Poweroff,
        ShutdownReason.Reboot => DomuEnd.Reboot,
        ShutdownReason.Watchdog => DomuEnd.Watchdog,
        // Nothing was asked of the guest that would make it suspend or reset itself, so whoever does is out of order.
        _ => DomuEnd.Crash,
    };
}
