using CloudPv.Dom0;

namespace CloudPv.Cli.Domu;

/// <summary>Exit statuses of <c>cloudpv domu create</c>.</summary>
public static class DomuExit
{
    public const int CouldNotCreate = 8;
    public const int Timeout = 124;

    /// <summary>128 + SIGINT, as shells have it.</summary>
    public const int Interrupted = 130;

    public static int StatusOf(DomuEnd end) => end switch
    {
        DomuEnd.Poweroff => 0,
        DomuEnd.Reboot => 3,
        DomuEnd.Suspend => 4,
        DomuEnd.Crash => 5,
        DomuEnd.Watchdog => 6,
        _ => Interrupted,
    };
}
