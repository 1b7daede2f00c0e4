using System.Runtime.InteropServices;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_physdev_op of a domain without physical devices: xen/include/public/physdev.h.</summary>
internal static class PhysdevOp
{
    /// <summary>Numbers that a domU may name (nr_pirqs), though it owns none.</summary>
    private const uint PhysicalIrqs = 256;

    private enum Command : uint
    {
        IrqUnmaskNotify = 4,
        IrqStatusQuery = 5,
        SetIopl = 6,
        SetIobitmap = 7,
        ApicRead = 8,
        ApicWrite = 9,
        AllocIrqVector = 10,
        Eoi = 12,
        MapPirq = 13,
        UnmapPirq = 14,
        ManagePciAdd = 15,
        ManagePciRemove = 16,
        PirqEoiGmfnV1 = 17,
        RestoreMsi = 19,
        ManagePciAddExt = 20,
        SetupGsi = 21,
        GetFreePirq = 23,
        PciMmcfgReserved = 24,
        PciDeviceAdd = 25,
        PciDeviceRemove = 26,
        RestoreMsiExt = 27,
        PirqEoiGmfnV2 = 28,
        DbgpOp = 29,
        PrepareMsix = 30,
        ReleaseMsix = 31,
    }

    /// <summary>struct physdev_set_iobitmap.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct SetIobitmap
    {
        [FieldOffset(0)] public ulong Bitmap;
        [FieldOffset(8)] public uint NrPorts;
    }

    /// <summary>struct physdev_map_pirq, of which nothing matters.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 40)]
    private struct MapPirq;

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments) => Dispatch(vcpu, (Command)arguments.Arg1, new GuestVirtual(arguments.Arg2));

    /// <summary>physdev_op_compat(struct physdev_op): the command stands before the argument.</summary>
    public static long HandleCompat(Vcpu vcpu, in HypercallArguments arguments)
    {
        const ulong ArgumentOffset = 8;
        if (!vcpu.TryRead(new GuestVirtual(arguments.Arg1), out uint command))
            return XenErrno.EFAULT;
        return (Command)command is >= Command.IrqUnmaskNotify and <= Command.AllocIrqVector
            ? Dispatch(vcpu, (Command)command, new GuestVirtual(arguments.Arg1 + ArgumentOffset))
            : XenErrno.ENOSYS;
    }

    private static long Dispatch(Vcpu vcpu, Command command, GuestVirtual address)
    {
        switch (command)
        {
            case Command.SetIopl:
                return SetIopl(vcpu, address);
            case Command.SetIobitmap:
                return SetBitmap(vcpu, address);
            case Command.IrqUnmaskNotify:
                return 0;
            case Command.IrqStatusQuery:
                return QueryIrqStatus(vcpu, address);
            case Command.GetFreePirq:
                return vcpu.TryWrite(new GuestVirtual(address.Value + sizeof(uint)), PhysicalIrqs - 1) ? 0 : XenErrno.EFAULT;
            case Command.PirqEoiGmfnV1 or Command.PirqEoiGmfnV2:
                return SetEoiMap(vcpu, address);
            case Command.Eoi:
                return XenErrno.EINVAL;
            case Command.MapPirq:
                return vcpu.TryRead(address, out MapPirq _) ? XenErrno.EPERM : XenErrno.EFAULT;
            case Command.ApicRead or Command.ApicWrite or Command.AllocIrqVector or Command.UnmapPirq or Command.ManagePciAdd or Command.ManagePciRemove
                or Command.RestoreMsi or Command.ManagePciAddExt or Command.SetupGsi or Command.PciMmcfgReserved or Command.PciDeviceAdd
                or Command.PciDeviceRemove or Command.RestoreMsiExt or Command.DbgpOp or Command.PrepareMsix or Command.ReleaseMsix:
                return XenErrno.EPERM;
            default:
                return XenErrno.ENOSYS;
        }
    }

    /// <summary>struct physdev_irq_status_query: an interrupt number, and flags that are written.</summary>
    private static long QueryIrqStatus(Vcpu vcpu, GuestVirtual address)
    {
        const uint NeedsEoi = 1;
        if (!vcpu.TryRead(address, out uint irq))
            return XenErrno.EFAULT;
        if (irq >= PhysicalIrqs)
            return XenErrno.EINVAL;
        return vcpu.TryWrite(new GuestVirtual(address.Value + sizeof(uint)), NeedsEoi) ? 0 : XenErrno.EFAULT;
    }

    /// <summary>Once for a domain: the page in which Xen tells which of its physical interrupts want an EOI. It has none, so the page stays as it is.</summary>
    private static long SetEoiMap(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out Mfn frame))
            return XenErrno.EFAULT;
        if (!vcpu.Domain.Memory.TryGetPage(frame, writable: true))
            return XenErrno.EINVAL;
        if (vcpu.Domain.TrySetEoiMap())
            return 0;
        vcpu.Domain.Memory.PutPage(frame, writable: true);
        return XenErrno.EBUSY;
    }

    private static long SetIopl(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out uint iopl))
            return XenErrno.EFAULT;
        if (iopl > 3)
            return XenErrno.EINVAL;
        vcpu.Iopl = (int)iopl;
        return 0;
    }

    private static long SetBitmap(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out SetIobitmap bitmap))
            return XenErrno.EFAULT;
        if (bitmap.NrPorts > 65536)
            return XenErrno.EINVAL;
        vcpu.IoBitmap = (new GuestVirtual(bitmap.Bitmap), bitmap.NrPorts);
        return 0;
    }
}
