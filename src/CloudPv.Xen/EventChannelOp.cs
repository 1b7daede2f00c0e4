using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>EVTCHNOP_*: xen/include/public/event_channel.h.</summary>
public enum EventChannelOpCommand : uint
{
    BindInterdomain = 0,
    BindVirq = 1,
    BindPirq = 2,
    Close = 3,
    Send = 4,
    Status = 5,
    AllocUnbound = 6,
    BindIpi = 7,
    BindVcpu = 8,
    Unmask = 9,
    Reset = 10,
    InitControl = 11,
    ExpandArray = 12,
    SetPriority = 13,
}

/// <summary>VIRQ_*: xen/include/public/xen.h.</summary>
public enum Virq : uint
{
    Timer = 0,
    Debug = 1,
    Console = 2,
    DomExc = 3,
    Tbuf = 4,
    Debugger = 6,
    Xenoprof = 7,
    ConRing = 8,
    PcpuState = 9,
    MemEvent = 10,
    Argo = 11,
    Enomem = 12,
    Xenpmu = 13,
}

/// <summary>EVTCHNSTAT_*: xen/include/public/event_channel.h.</summary>
public enum EventChannelStatus : uint
{
    Closed = 0,
    Unbound = 1,
    Interdomain = 2,
    Pirq = 3,
    Virq = 4,
    Ipi = 5,
}

/// <summary>struct evtchn_alloc_unbound: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct EvtchnAllocUnbound
{
    [FieldOffset(0)] public ushort Dom;
    [FieldOffset(2)] public ushort RemoteDom;
    [FieldOffset(4)] public uint Port;
}

/// <summary>struct evtchn_bind_interdomain: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct EvtchnBindInterdomain
{
    [FieldOffset(0)] public ushort RemoteDom;
    [FieldOffset(4)] public uint RemotePort;
    [FieldOffset(8)] public uint LocalPort;
}

/// <summary>struct evtchn_bind_virq: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct EvtchnBindVirq
{
    [FieldOffset(0)] public Virq Virq;
    [FieldOffset(4)] public uint Vcpu;
    [FieldOffset(8)] public uint Port;
}

/// <summary>struct evtchn_bind_pirq: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct EvtchnBindPirq
{
    [FieldOffset(0)] public uint Pirq;
    [FieldOffset(4)] public uint Flags;
    [FieldOffset(8)] public uint Port;
}

/// <summary>struct evtchn_bind_ipi: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct EvtchnBindIpi
{
    [FieldOffset(0)] public uint Vcpu;
    [FieldOffset(4)] public uint Port;
}

/// <summary>struct evtchn_status: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct EvtchnStatus
{
    [FieldOffset(0)] public ushort Dom;
    [FieldOffset(4)] public uint Port;
    [FieldOffset(8)] public EventChannelStatus Status;
    [FieldOffset(12)] public uint Vcpu;

    /// <summary>Unbound and interdomain: the other domain.</summary>
    [FieldOffset(16)] public ushort RemoteDom;
    [FieldOffset(20)] public uint RemotePort;
    [FieldOffset(16)] public uint Pirq;
    [FieldOffset(16)] public uint Virq;
}

/// <summary>struct evtchn_bind_vcpu: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct EvtchnBindVcpu
{
    [FieldOffset(0)] public uint Port;
    [FieldOffset(4)] public uint Vcpu;
}

/// <summary>struct evtchn_init_control: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct EvtchnInitControl
{
    [FieldOffset(0)] public ulong ControlGfn;
    [FieldOffset(8)] public uint Offset;
    [FieldOffset(12)] public uint Vcpu;
    [FieldOffset(16)] public byte LinkBits;
}

/// <summary>struct evtchn_set_priority: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct EvtchnSetPriority
{
    [FieldOffset(0)] public uint Port;
    [FieldOffset(4)] public uint Priority;
}

/// <summary>The FIFO event ABI: xen/include/public/event_channel.h.</summary>
public static class EvtchnFifo
{
    public const int PriorityDefault = 7;
    public const int PriorityMin = 15;
    public const int MaxQueues = PriorityMin + 1;

    /// <summary>EVTCHN_FIFO_LINK_BITS.</summary>
    public const int LinkBits = 17;

    /// <summary>EVTCHN_FIFO_NR_CHANNELS.</summary>
    public const int MaxPorts = 1 << LinkBits;
    public const uint LinkMask = MaxPorts - 1;
    public const uint Pending = 1u << 31;
    public const uint Masked = 1u << 30;
    public const uint Linked = 1u << 29;
    public const uint Busy = 1u << 28;
}

/// <summary>struct evtchn_fifo_control_block: xen/include/public/event_channel.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
public struct EvtchnFifoControlBlock
{
    /// <summary>A bit per priority whose queue isn't empty.</summary>
    [FieldOffset(0)] public uint Ready;

    /// <summary>The first port of each queue.</summary>
    [FieldOffset(8)] public FifoHeads Head;
}

/// <summary>evtchn_fifo_control_block.head.</summary>
[InlineArray(EvtchnFifo.MaxQueues)]
public struct FifoHeads
{
    private uint _first;
}
