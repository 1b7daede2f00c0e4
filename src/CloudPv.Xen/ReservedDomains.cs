namespace CloudPv.Xen;

/// <summary>DOMID_*: xen/include/public/xen.h.</summary>
public static class ReservedDomains
{
    /// <summary>DOMID_FIRST_RESERVED.</summary>
    public const ushort First = 0x7ff0;

    /// <summary>DOMID_SELF.</summary>
    public const ushort Self = 0x7ff0;

    /// <summary>DOMID_IO.</summary>
    public const ushort Io = 0x7ff1;

    /// <summary>DOMID_XEN.</summary>
    public const ushort Xen = 0x7ff2;
}
