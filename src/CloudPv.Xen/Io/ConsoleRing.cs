using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Xen.Io;

/// <summary>struct xencons_interface: xen/include/public/io/console.h. Fills the start of one page; indexes run freely and wrap at 2^32.</summary>
[StructLayout(LayoutKind.Explicit, Size = 3088)]
public struct XenconsInterface
{
    /// <summary>What the guest reads: dom0 produces.</summary>
    [FieldOffset(0)] public XenconsIn In;

    /// <summary>What the guest prints: dom0 consumes.</summary>
    [FieldOffset(1024)] public XenconsOut Out;
    [FieldOffset(3072)] public uint InCons;
    [FieldOffset(3076)] public uint InProd;
    [FieldOffset(3080)] public uint OutCons;
    [FieldOffset(3084)] public uint OutProd;
}

/// <summary>xencons_interface.in.</summary>
[InlineArray(Size)]
public struct XenconsIn
{
    public const int Size = 1024;

    private byte _first;
}

/// <summary>xencons_interface.out.</summary>
[InlineArray(Size)]
public struct XenconsOut
{
    public const int Size = 2048;

    private byte _first;
}
