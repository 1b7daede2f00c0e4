using System.Runtime.InteropServices;

namespace CloudPv.Xen.Io;

/// <summary>struct netif_rx_request: xen/include/public/io/netif.h. One page that the guest offers for a fragment of a packet to it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct NetifRxRequest
{
    [FieldOffset(0)] public ushort Id;
    [FieldOffset(4)] public GrantRef Gref;
}

/// <summary>struct netif_rx_response: xen/include/public/io/netif.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct NetifRxResponse
{
    [FieldOffset(0)] public ushort Id;

    /// <summary>Of the data in the page, in bytes.</summary>
    [FieldOffset(2)] public ushort Offset;
    [FieldOffset(4)] public NetifRxFlags Flags;

    /// <summary>Bytes in this page, or a negative <see cref="NetifStatus"/>.</summary>
    [FieldOffset(6)] public short Status;
}

/// <summary>XEN_NETRXF_*.</summary>
[Flags]
public enum NetifRxFlags : ushort
{
    None = 0,

    /// <summary>The checksum was found right, or the data never left the machine.</summary>
    DataValidated = 1 << 0,

    /// <summary>The TCP or UDP checksum holds that of the pseudo-header alone.</summary>
    ChecksumBlank = 1 << 1,

    /// <summary>The packet goes on in the next response.</summary>
    MoreData = 1 << 2,

    /// <summary>The next slot is a <see cref="NetifExtraInfo"/>.</summary>
    ExtraInfo = 1 << 3,
}
