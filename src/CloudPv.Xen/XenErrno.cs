namespace CloudPv.Xen;

/// <summary>Error numbers as a hypercall returns them, negative: xen/include/public/errno.h.</summary>
public static class XenErrno
{
    public const long EPERM = -1;
    public const long ENOENT = -2;
    public const long ESRCH = -3;
    public const long EINTR = -4;
    public const long EIO = -5;
    public const long ENXIO = -6;
    public const long E2BIG = -7;
    public const long ENOEXEC = -8;
    public const long EBADF = -9;
    public const long ECHILD = -10;
    public const long EAGAIN = -11;
    public const long ENOMEM = -12;
    public const long EACCES = -13;
    public const long EFAULT = -14;
    public const long EBUSY = -16;
    public const long EEXIST = -17;
    public const long EXDEV = -18;
    public const long ENODEV = -19;
    public const long EISDIR = -21;
    public const long EINVAL = -22;
    public const long ENFILE = -23;
    public const long ENOSPC = -28;
    public const long EROFS = -30;
    public const long EMLINK = -31;
    public const long EDOM = -33;
    public const long ERANGE = -34;
    public const long EDEADLK = -35;
    public const long ENAMETOOLONG = -36;
    public const long ENOLCK = -37;
    public const long ENOSYS = -38;
    public const long ENODATA = -61;
    public const long ETIME = -62;
    public const long EBADMSG = -74;
    public const long EOVERFLOW = -75;
    public const long EILSEQ = -84;
    public const long EOPNOTSUPP = -95;
    public const long ENOBUFS = -105;
    public const long EISCONN = -106;
    public const long ENOTCONN = -107;
    public const long ETIMEDOUT = -110;
}
