namespace CloudPv.Xen;

/// <summary>DOMID_*: xen/include/public/xen.h.</summary>
public static class SpecialDomain
{
    public const ushort FirstReserved = 0x7ff0;

    /// <summary>DOMID_SELF: the caller.</summary>
    public const ushort Self = 0x7ff0;
    public const ushort Io = 0x7ff1;
    public const ushort Xen = 0x7ff2;
    public const ushort Cow = 0x7ff3;
    public const ushort Invalid = 0x7ff4;
    public const ushort Idle = 0x7fff;
}
