using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_update_descriptor.</summary>
internal static unsafe class UpdateDescriptor
{
    /// <summary>Arg1: machine address of an entry of a GDT or LDT; Arg2: the new descriptor.</summary>
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        ulong address = arguments.Arg1, descriptor = arguments.Arg2;
        if (address % sizeof(ulong) != 0 || !SegmentDescriptor.TryFix(ref descriptor))
            return XenErrno.EINVAL;
        DomainMemory memory = vcpu.Domain.Memory;
        Mfn frame = new(address >> 12);
        using (memory.Change(vcpu))
        {
            if (!memory.Owns(frame))
                return XenErrno.EINVAL;
            FrameType type = memory.Info(frame).Type == FrameType.SegmentDescriptors ? FrameType.SegmentDescriptors : FrameType.Writable;
            if (memory.Types.GetType(frame, type) != 0)
                return XenErrno.EINVAL;
            Volatile.Write(ref ((ulong*)memory.Pointer(frame))[(address & 0xfff) / sizeof(ulong)], descriptor);
            memory.Types.PutType(frame);
            vcpu.Domain.NoteDescriptorChange();
            return 0;
        }
    }
}
