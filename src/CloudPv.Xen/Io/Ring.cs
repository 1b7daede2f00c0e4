using System.Runtime.InteropServices;

namespace CloudPv.Xen.Io;

/// <summary>The shared header of a request/response ring (DEFINE_RING_TYPES of xen/include/public/io/ring.h). The slots follow at byte 64;
/// their number is the largest power of two that fits the ring's pages.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct RingHeader
{
    [FieldOffset(0)] public uint ReqProd;

    /// <summary>The frontend notifies when its producer passes this.</summary>
    [FieldOffset(4)] public uint ReqEvent;
    [FieldOffset(8)] public uint RspProd;

    /// <summary>The backend notifies when its producer passes this.</summary>
    [FieldOffset(12)] public uint RspEvent;
}
