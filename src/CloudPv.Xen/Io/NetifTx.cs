using System.Runtime.InteropServices;

namespace CloudPv.Xen.Io;

/// <summary>struct netif_tx_request: xen/include/public/io/netif.h. One fragment of a packet that the guest sends; the first one's <see cref="Size"/> is the whole packet's.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct NetifTxRequest
{
    [FieldOffset(0)] public GrantRef Gref;

    /// <summary>Of the data in the granted page, in bytes.</summary>
    [FieldOffset(4)] public ushort Offset;
    [FieldOffset(6)] public NetifTxFlags Flags;
    [FieldOffset(8)] public ushort Id;
    [FieldOffset(10)] public ushort Size;
}

/// <summary>struct netif_tx_response: xen/include/public/io/netif.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4)]
public struct NetifTxResponse
{
    [FieldOffset(0)] public ushort Id;
    [FieldOffset(2)] public NetifStatus Status;
}

/// <summary>XEN_NETTXF_*.</summary>
[Flags]
public enum NetifTxFlags : ushort
{
    None = 0,

    /// <summary>The TCP or UDP checksum holds that of the pseudo-header alone; whoever needs it whole fills it in.</summary>
    ChecksumBlank = 1 << 0,

    /// <summary>The sender vouches for the data.</summary>
    DataValidated = 1 << 1,

    /// <summary>The packet goes on in the next request.</summary>
    MoreData = 1 << 2,

    /// <summary>The next slot is a <see cref="NetifExtraInfo"/>.</summary>
    ExtraInfo = 1 << 3,
}

/// <summary>NETIF_RSP_*.</summary>
public enum NetifStatus : short
{
    Dropped = -2,
    Error = -1,
    Okay = 0,

    /// <summary>Answers a slot that was no request (an extra info).</summary>
    Null = 1,
}
