using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>XENMEM_memory_map and XENMEM_set_memory_map: the e820 map that a guest is told. It may change its own.</summary>
internal static class MemoryMapOp
{
    /// <summary>E820MAX.</summary>
    private const uint MostEntries = 1024;

    /// <summary>What xl gives a PV guest: one piece of RAM. Linux makes its holes in it itself.</summary>
    public static E820Entry[] Initial(ulong pages) => [new E820Entry { Addr = 0, Size = pages << 12, Type = E820Entry.Ram }];

    public static long Get(Vcpu vcpu, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out MemoryMap map))
            return XenErrno.EFAULT;
        E820Entry[] entries = vcpu.Domain.Memory.MemoryMap;
        if (entries.Length == 0)
            return XenErrno.ENOSYS;
        map.NrEntries = Math.Min(map.NrEntries, (uint)entries.Length);
        bool copied = vcpu.TryWrite<E820Entry>(new(map.Buffer), entries.AsSpan(0, (int)map.NrEntries)) && vcpu.TryWrite(argument, map);
        return copied ? 0 : XenErrno.EFAULT;
    }

    public static long Set(Vcpu vcpu, GuestVirtual argument)
    {
        if (!vcpu.TryRead(argument, out ForeignMemoryMap map))
            return XenErrno.EFAULT;
        if (map.Map.NrEntries > MostEntries)
            return XenErrno.EINVAL;
        if (!ForeignDomain.IsSelf(vcpu, map.Domid))
            return ForeignDomain.Error(vcpu, map.Domid);
        var entries = new E820Entry[map.Map.NrEntries];
        if (!vcpu.TryRead<E820Entry>(new(map.Map.Buffer), entries))
            return XenErrno.EFAULT;
        vcpu.Domain.Memory.MemoryMap = entries;
        return 0;
    }
}
