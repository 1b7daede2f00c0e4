using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>SCHEDOP_*: xen/include/public/sched.h.</summary>
public enum SchedOpCommand : uint
{
    Yield = 0,
    Block = 1,
    Shutdown = 2,
    Poll = 3,
    RemoteShutdown = 4,
    ShutdownCode = 5,
    Watchdog = 6,
    PinOverride = 7,
}

/// <summary>struct sched_poll: xen/include/public/sched.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct SchedPoll
{
    /// <summary>Address of the ports (uint32 each).</summary>
    [FieldOffset(0)] public ulong Ports;
    [FieldOffset(8)] public uint NrPorts;

    /// <summary>System time in ns; 0: none.</summary>
    [FieldOffset(16)] public ulong Timeout;
}

/// <summary>struct sched_remote_shutdown: xen/include/public/sched.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct SchedRemoteShutdown
{
    [FieldOffset(0)] public ushort DomainId;
    [FieldOffset(4)] public uint Reason;
}

/// <summary>struct sched_watchdog: xen/include/public/sched.h. Timeout in seconds; 0 stops.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct SchedWatchdog
{
    [FieldOffset(0)] public uint Id;
    [FieldOffset(4)] public uint Timeout;
}
