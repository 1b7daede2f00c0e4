using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Xen.Io;

/// <summary>enum xsd_sockmsg_type: xen/include/public/io/xs_wire.h.</summary>
public enum XsMessageType : uint
{
    Control = 0,
    Directory = 1,
    Read = 2,
    GetPerms = 3,
    Watch = 4,
    Unwatch = 5,
    TransactionStart = 6,
    TransactionEnd = 7,
    Introduce = 8,
    Release = 9,
    GetDomainPath = 10,
    Write = 11,
    Mkdir = 12,
    Rm = 13,
    SetPerms = 14,
    WatchEvent = 15,
    Error = 16,
    IsDomainIntroduced = 17,
    Resume = 18,
    SetTarget = 19,
    ResetWatches = 21,
    DirectoryPart = 22,
}

/// <summary>struct xsd_sockmsg: the header of each message both ways. xen/include/public/io/xs_wire.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct XsHeader
{
    [FieldOffset(0)] public XsMessageType Type;

    /// <summary>Chosen by the client, echoed in the answer.</summary>
    [FieldOffset(4)] public uint RequestId;

    /// <summary>0: not in a transaction.</summary>
    [FieldOffset(8)] public uint TransactionId;

    /// <summary>Bytes that follow.</summary>
    [FieldOffset(12)] public uint Length;
}

/// <summary>Limits of the wire: xen/include/public/io/xs_wire.h.</summary>
public static class XsLimits
{
    /// <summary>XENSTORE_PAYLOAD_MAX: bytes after a header. A longer message ends the connection.</summary>
    public const int PayloadMax = 4096;

    /// <summary>XENSTORE_ABS_PATH_MAX.</summary>
    public const int AbsolutePathMax = 3072;

    /// <summary>XENSTORE_REL_PATH_MAX.</summary>
    public const int RelativePathMax = 2048;
}

/// <summary>struct xenstore_domain_interface: xen/include/public/io/xs_wire.h. Fills the start of one page; indexes run freely and wrap at 2^32.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2076)]
public struct XenstoreInterface
{
    [FieldOffset(0)] public XenstoreRingBytes Requests;
    [FieldOffset(1024)] public XenstoreRingBytes Responses;
    [FieldOffset(2048)] public uint ReqCons;
    [FieldOffset(2052)] public uint ReqProd;
    [FieldOffset(2056)] public uint RspCons;
    [FieldOffset(2060)] public uint RspProd;
    [FieldOffset(2064)] public XenstoreServerFeatures ServerFeatures;
    [FieldOffset(2068)] public XenstoreConnectionState Connection;
    [FieldOffset(2072)] public XenstoreRingError Error;
}

/// <summary>xenstore_domain_interface.req and .rsp.</summary>
[InlineArray(Size)]
public struct XenstoreRingBytes
{
    /// <summary>XENSTORE_RING_SIZE.</summary>
    public const int Size = 1024;

    private byte _first;
}

/// <summary>XENSTORE_SERVER_FEATURE_*.</summary>
[Flags]
public enum XenstoreServerFeatures : uint
{
    None = 0,

    /// <summary>The guest may ask for a fresh ring by writing <see cref="XenstoreConnectionState.Reconnect"/>.</summary>
    Reconnection = 1,

    /// <summary><see cref="XenstoreInterface.Error"/> tells why the server gave the connection up.</summary>
    Error = 2,
}

/// <summary>xenstore_domain_interface.connection.</summary>
public enum XenstoreConnectionState : uint
{
    Connected = 0,
    Reconnect = 1,
}

/// <summary>XENSTORE_ERROR_*: why the server gave the connection up.</summary>
public enum XenstoreRingError : uint
{
    None = 0,
    Communication = 1,
    RingIndex = 2,
    Protocol = 3,
}
