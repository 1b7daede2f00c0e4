using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_grant_table_op(command, operations, count): xen/include/public/grant_table.h. Each operation has its own status; the call fails only where they can't be read.</summary>
internal static unsafe class GrantTableOp
{
    private delegate void Operation<T>(Vcpu vcpu, ref T op);

    /// <summary>struct gnttab_cache_flush.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct CacheFlush
    {
        public const uint Clean = 1;
        public const uint Invalidate = 2;
        public const uint SourceIsGref = 1u << 31;

        [FieldOffset(0)] public ulong DevBusAddr;
        [FieldOffset(8)] public ushort Offset;
        [FieldOffset(10)] public ushort Length;
        [FieldOffset(12)] public uint Op;
    }

    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var address = new GuestVirtual(arguments.Arg2);
        uint count = (uint)arguments.Arg3;
        if ((int)count < 0)
            return XenErrno.EINVAL;
        return (GrantTableOpCommand)arguments.Arg1 switch
        {
            GrantTableOpCommand.MapGrantRef => ForEach<GnttabMapGrantRef>(vcpu, address, count, GrantMapOps.Map),
            GrantTableOpCommand.UnmapGrantRef => ForEach<GnttabUnmapGrantRef>(vcpu, address, count, GrantMapOps.Unmap),
            GrantTableOpCommand.UnmapAndReplace => ForEach<GnttabUnmapAndReplace>(vcpu, address, count, GrantMapOps.UnmapAndReplace),
            GrantTableOpCommand.Copy => ForEach<GnttabCopy>(vcpu, address, count, GrantCopyOp.Copy),
            GrantTableOpCommand.Transfer => ForEach<GnttabTransfer>(vcpu, address, count, GrantTransferOp.Transfer),
            GrantTableOpCommand.SwapGrantRef => ForEach<GnttabSwapGrantRef>(vcpu, address, count, Swap),
            GrantTableOpCommand.SetupTable => Once<GnttabSetupTable>(vcpu, address, count, SetupTable),
            GrantTableOpCommand.GetStatusFrames => Once<GnttabGetStatusFrames>(vcpu, address, count, GetStatusFrames),
            GrantTableOpCommand.QuerySize => Once<GnttabQuerySize>(vcpu, address, count, QuerySize),
            GrantTableOpCommand.SetVersion => SetVersion(vcpu, address),
            GrantTableOpCommand.GetVersion => GetVersion(vcpu, address),
            GrantTableOpCommand.CacheFlush => FlushCaches(vcpu, address, count),
            _ => XenErrno.ENOSYS,
        };
    }

    private static long ForEach<T>(Vcpu vcpu, GuestVirtual address, uint count, Operation<T> operation) where T : unmanaged
    {
        for (uint index = 0; index < count; index++)
        {
            var place = new GuestVirtual(address.Value + index * (ulong)sizeof(T));
            if (!vcpu.TryRead(place, out T op))
                return XenErrno.EFAULT;
            operation(vcpu, ref op);
            if (!vcpu.TryWrite(place, op))
                return XenErrno.EFAULT;
        }
        return 0;
    }

    private static long Once<T>(Vcpu vcpu, GuestVirtual address, uint count, Operation<T> operation) where T : unmanaged =>
        count == 1 ? ForEach(vcpu, address, count, operation) : XenErrno.EINVAL;

    private static void SetupTable(Vcpu vcpu, ref GnttabSetupTable op)
    {
        if (!IsSelf(vcpu, op.Dom))
            op.Status = GrantStatus.PermissionDenied;
        else if (!vcpu.Domain.Grants.TrySetup(op.NrFrames, out ReadOnlySpan<Mfn> frames))
            op.Status = GrantStatus.GeneralError;
        else
            op.Status = vcpu.TryWrite(new GuestVirtual(op.FrameList), frames) ? GrantStatus.Okay : GrantStatus.BadVirtualAddress;
    }

    private static void GetStatusFrames(Vcpu vcpu, ref GnttabGetStatusFrames op)
    {
        if (!IsSelf(vcpu, op.Dom))
            op.Status = GrantStatus.PermissionDenied;
        else if (!vcpu.Domain.Grants.TryGetStatusFrames(op.NrFrames, out ReadOnlySpan<Mfn> frames))
            op.Status = GrantStatus.GeneralError;
        else
            op.Status = vcpu.TryWrite(new GuestVirtual(op.FrameList), frames) ? GrantStatus.Okay : GrantStatus.BadVirtualAddress;
    }

    private static void QuerySize(Vcpu vcpu, ref GnttabQuerySize op)
    {
        op.Status = IsSelf(vcpu, op.Dom) ? GrantStatus.Okay : GrantStatus.PermissionDenied;
        if (op.Status != GrantStatus.Okay)
            return;
        op.NrFrames = (uint)vcpu.Domain.Grants.FrameCount;
        op.MaxNrFrames = GrantTable.MaxFrames;
    }

    private static void Swap(Vcpu vcpu, ref GnttabSwapGrantRef op) =>
        op.Status = vcpu.Domain.Grants.Swap(new GrantRef(op.RefA), new GrantRef(op.RefB));

    private static long SetVersion(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out uint version))
            return XenErrno.EFAULT;
        if (version is not (1 or 2))
            return XenErrno.EINVAL;
        long result = vcpu.Domain.Grants.SetVersion((int)version);
        return vcpu.TryWrite(address, (uint)vcpu.Domain.Grants.Version) ? result : XenErrno.EFAULT;
    }

    private static long GetVersion(Vcpu vcpu, GuestVirtual address)
    {
        if (!vcpu.TryRead(address, out GnttabGetVersion op))
            return XenErrno.EFAULT;
        if (!IsSelf(vcpu, op.Dom))
            return XenErrno.EPERM;
        op.Version = (uint)vcpu.Domain.Grants.Version;
        return vcpu.TryWrite(address, op) ? 0 : XenErrno.EFAULT;
    }

    /// <summary>The host's caches are coherent, so that there is nothing to do for what is valid.</summary>
    private static long FlushCaches(Vcpu vcpu, GuestVirtual address, uint count)
    {
        for (uint index = 0; index < count; index++)
        {
            if (!vcpu.TryRead(new GuestVirtual(address.Value + index * (ulong)sizeof(CacheFlush)), out CacheFlush op))
                return XenErrno.EFAULT;
            if (op.Offset + op.Length > MachineMemory.FrameSize || (op.Op & ~(CacheFlush.Clean | CacheFlush.Invalidate | CacheFlush.SourceIsGref)) != 0)
                return XenErrno.EINVAL;
            if (op.Length == 0 || op.Op == 0)
                continue;
            if ((op.Op & CacheFlush.SourceIsGref) != 0)
                return XenErrno.EOPNOTSUPP;
            if (!vcpu.Domain.Memory.Owns(new Mfn(op.DevBusAddr >> MachineMemory.FrameShift)))
                return XenErrno.EPERM;
        }
        return 0;
    }

    private static bool IsSelf(Vcpu vcpu, ushort domain) => domain == SpecialDomain.Self || domain == vcpu.Domain.Id.Value;
}
