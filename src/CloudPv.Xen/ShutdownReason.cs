namespace CloudPv.Xen;

/// <summary>Why a domain stopped: SHUTDOWN_* of xen/include/public/sched.h.</summary>
public enum ShutdownReason
{
    PowerOff = 0,
    Reboot = 1,
    Suspend = 2,
    Crash = 3,
    Watchdog = 4,
    SoftReset = 5,
}
