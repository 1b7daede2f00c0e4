namespace CloudPv.Dom0.Xenstore;

/// <summary>What a request can fail with. The names are those that go over the wire (xsd_errors in xen/include/public/io/xs_wire.h).</summary>
public enum StoreError
{
    None,
    EINVAL,
    EACCES,
    EEXIST,
    EISDIR,
    ENOENT,
    ENOMEM,
    ENOSPC,
    EIO,
    ENOTEMPTY,
    ENOSYS,
    EROFS,
    EBUSY,
    EAGAIN,
    EISCONN,
    E2BIG,
    EPERM,
}
