namespace CloudPv.Xen;

/// <summary>Status of a grant-table operation: GNTST_* of xen/include/public/grant_table.h.</summary>
public enum GrantStatus : short
{
    Okay = 0,
    GeneralError = -1,
    BadDomain = -2,
    BadGrantReference = -3,
    BadHandle = -4,
    BadVirtualAddress = -5,
    BadDeviceAddress = -6,
    NoDeviceSpace = -7,
    PermissionDenied = -8,
    BadPage = -9,
    BadCopyArgument = -10,
    AddressTooBig = -11,
    Again = -12,
    NoSpace = -13,
}
