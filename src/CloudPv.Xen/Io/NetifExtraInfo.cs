using System.Runtime.InteropServices;

namespace CloudPv.Xen.Io;

/// <summary>struct netif_extra_info: xen/include/public/io/netif.h. Takes a slot of its own in either ring, behind the first of a packet.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct NetifExtraInfo
{
    [FieldOffset(0)] public NetifExtraType Type;
    [FieldOffset(1)] public NetifExtraFlags Flags;

    /// <summary>Of <see cref="NetifExtraType.Gso"/>: payload bytes of each segment.</summary>
    [FieldOffset(2)] public ushort GsoSize;
    [FieldOffset(4)] public NetifGsoType GsoType;
    [FieldOffset(6)] public ushort GsoFeatures;

    /// <summary>Of the multicast kinds: the address as sent, its first byte lowest.</summary>
    [FieldOffset(2)] public uint MulticastLow;
    [FieldOffset(6)] public ushort MulticastHigh;
}

/// <summary>XEN_NETIF_EXTRA_TYPE_*.</summary>
public enum NetifExtraType : byte
{
    None = 0,
    Gso = 1,
    MulticastAdd = 2,
    MulticastDelete = 3,
    Hash = 4,
}

/// <summary>XEN_NETIF_EXTRA_FLAG_*.</summary>
[Flags]
public enum NetifExtraFlags : byte
{
    None = 0,
    More = 1,
}

/// <summary>XEN_NETIF_GSO_TYPE_*.</summary>
public enum NetifGsoType : byte
{
    None = 0,
    TcpV4 = 1,
    TcpV6 = 2,
}
