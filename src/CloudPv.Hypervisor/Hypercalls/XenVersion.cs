using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_xen_version: xen/include/public/version.h. What Debian's Xen 4.17.7 tells a domU, but for who compiled it.</summary>
internal static class XenVersion
{
    private const int Major = 4;
    private const int Minor = 17;

    /// <summary>preserve-AD, highmem assist, grant map avail bits, pae_pgdir_above_4gb, vnode memory ops, direct-mapped: as seen on real Xen.</summary>
    private const uint Features = 0x220f0;

    private enum Command : uint
    {
        Version = 0,
        Extraversion = 1,
        CompileInfo = 2,
        Capabilities = 3,
        Changeset = 4,
        PlatformParameters = 5,
        GetFeatures = 6,
        Pagesize = 7,
        GuestHandle = 8,
        Commandline = 9,
        BuildId = 10,
    }

    /// <summary>What Xen keeps from an unprivileged domain.</summary>
    private static ReadOnlySpan<byte> Denied => "<denied>"u8;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var address = new GuestVirtual(arguments.Arg2);
        switch ((Command)arguments.Arg1)
        {
            case Command.Version:
                return (Major << 16) | Minor;
            case Command.Extraversion:
                return WriteText(vcpu, address, ".7"u8, 16);
            case Command.CompileInfo:
                return WriteCompileInfo(vcpu, address);
            case Command.Capabilities:
                return WriteText(vcpu, address, "xen-3.0-x86_64 "u8, 1024);
            case Command.Changeset:
                return WriteText(vcpu, address, [], 64);
            case Command.PlatformParameters:
                return vcpu.TryWrite(address, HypervisorRange.Start) ? 0 : XenErrno.EFAULT;
            case Command.GetFeatures:
                return GetFeatures(vcpu, address);
            case Command.Pagesize:
                return address.Value == 0 ? MachineMemory.FrameSize : XenErrno.EINVAL;
            case Command.GuestHandle:
                return vcpu.TryWrite<byte>(address, vcpu.Domain.Config.Uuid.ToByteArray(bigEndian: true)) ? 0 : XenErrno.EFAULT;
            case Command.Commandline:
                return WriteText(vcpu, address, Denied, Denied.Length + 1);
            case Command.BuildId:
                return XenErrno.EPERM;
            default:
                return XenErrno.ENOSYS;
        }
    }

    private static long GetFeatures(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out uint submap))
            return XenErrno.EFAULT;
        if (submap != 0)
            return XenErrno.EINVAL;
        return vcpu.TryWrite(new GuestVirtual(address.Value + sizeof(uint)), Features) ? 0 : XenErrno.EFAULT;
    }

    /// <summary>struct xen_compile_info: compiler, user, host and date.</summary>
    private static long WriteCompileInfo(Vcpu vcpu, GuestVirtual address)
    {
        const int User = 64;
        Span<byte> info = stackalloc byte[64 + 16 + 32 + 32];
        info.Clear();
        ".NET"u8.CopyTo(info);
        "cloudpv"u8.CopyTo(info[User..]);
        return vcpu.TryWrite<byte>(address, info) ? 0 : XenErrno.EFAULT;
    }

    /// <summary>Writes a string of a fixed size, the rest zero.</summary>
    private static long WriteText(Vcpu vcpu, GuestVirtual address, ReadOnlySpan<byte> text, int size)
    {
        Span<byte> buffer = stackalloc byte[1024];
        buffer.Clear();
        text.CopyTo(buffer);
        return vcpu.TryWrite<byte>(address, buffer[..size]) ? 0 : XenErrno.EFAULT;
    }
}
