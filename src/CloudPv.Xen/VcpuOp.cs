using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>VCPUOP_*: xen/include/public/vcpu.h.</summary>
public enum VcpuOpCommand : uint
{
    Initialise = 0,
    Up = 1,
    Down = 2,
    IsUp = 3,
    GetRunstateInfo = 4,
    RegisterRunstateMemoryArea = 5,
    SetPeriodicTimer = 6,
    StopPeriodicTimer = 7,
    SetSingleshotTimer = 8,
    StopSingleshotTimer = 9,
    RegisterVcpuInfo = 10,
    SendNmi = 11,
    GetPhysid = 12,
    RegisterVcpuTimeMemoryArea = 13,
}

/// <summary>RUNSTATE_*: xen/include/public/vcpu.h.</summary>
public enum Runstate
{
    Running = 0,
    Runnable = 1,
    Blocked = 2,
    Offline = 3,
}

/// <summary>struct vcpu_runstate_info: xen/include/public/vcpu.h. Times in ns.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
public struct VcpuRunstateInfo
{
    /// <summary>XEN_RUNSTATE_UPDATE, in <see cref="StateEntryTime"/> while the guest's copy is being written.</summary>
    public const ulong Update = 1UL << 63;

    public const int StateEntryTimeOffset = 8;

    [FieldOffset(0)] public int State;
    [FieldOffset(StateEntryTimeOffset)] public ulong StateEntryTime;
    [FieldOffset(16)] public ulong TimeRunning;
    [FieldOffset(24)] public ulong TimeRunnable;
    [FieldOffset(32)] public ulong TimeBlocked;
    [FieldOffset(40)] public ulong TimeOffline;
}

/// <summary>struct vcpu_set_singleshot_timer: xen/include/public/vcpu.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct VcpuSetSingleshotTimer
{
    /// <summary>VCPU_SSHOTTMR_future: a time that has passed is refused with -ETIME.</summary>
    public const uint Future = 1 << 0;

    /// <summary>System time in ns.</summary>
    [FieldOffset(0)] public ulong TimeoutAbsNs;
    [FieldOffset(8)] public uint Flags;
}

/// <summary>struct vcpu_register_vcpu_info: xen/include/public/vcpu.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct VcpuRegisterVcpuInfo
{
    [FieldOffset(0)] public ulong Mfn;
    [FieldOffset(8)] public uint Offset;
    [FieldOffset(12)] public uint Rsvd;
}
