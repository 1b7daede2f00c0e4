using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One vCPU's GDT (set_gdt, with Xen's own entries from byte 0xe000 on) and LDT (MMUEXT_SET_LDT).</summary>
internal sealed unsafe class DescriptorTables(Vcpu vcpu) : ISegmentDescriptors
{
    /// <summary>Entries that a guest's GDT may have (FIRST_RESERVED_GDT_ENTRY): what follows is Xen's.</summary>
    public const int GuestEntries = 14 * EntriesPerPage;
    public const uint FirstReservedByte = GuestEntries * 8;
    public const int MaximumLdtEntries = 8192;

    private const int EntriesPerPage = 512;

    private readonly Mfn[] _gdtFrames = new Mfn[GuestEntries / EntriesPerPage];
    private int _gdtEntries;
    private GuestVirtual _ldtBase;
    private int _ldtEntries;

    /// <summary>The pages of the GDT that the guest set.</summary>
    public ReadOnlySpan<Mfn> GdtFrames => _gdtFrames.AsSpan(0, PagesFor(_gdtEntries));

    public bool TryRead(ushort selector, out ulong descriptor)
    {
        int index = selector >> 3;
        if ((selector & 4) != 0)
            return TryReadLdt(index, out descriptor);
        if (index < _gdtEntries)
        {
            descriptor = Volatile.Read(ref ((ulong*)vcpu.Domain.Memory.Pointer(_gdtFrames[index / EntriesPerPage]))[index % EntriesPerPage]);
            return true;
        }
        return TryReadReserved(index, out descriptor);
    }

    /// <summary>Xen's own entries that a guest may load. The pages of the guest's part that aren't set read as zero.</summary>
    private static bool TryReadReserved(int index, out ulong descriptor)
    {
        descriptor = (index << 3) switch
        {
            FlatSelectors.Code32 & ~7 => 0x00cffb000000ffff,
            FlatSelectors.Stack & ~7 => 0x00cff3000000ffff,
            FlatSelectors.Code64 & ~7 => 0x00affb000000ffff,
            _ => 0,
        };
        return index < GuestEntries + EntriesPerPage;
    }

    private bool TryReadLdt(int index, out ulong descriptor)
    {
        descriptor = 0;
        return index < _ldtEntries
            && vcpu.TryRead(new(_ldtBase.Value + (ulong)index * 8), out descriptor)
            && SegmentDescriptor.TryFix(ref descriptor);
    }

    /// <summary>HYPERVISOR_set_gdt and VCPUOP_initialise: each frame must be one of the domain's that can be a descriptor table. 0 or -EINVAL.</summary>
    public long SetGdt(ReadOnlySpan<Mfn> frames, int entries)
    {
        if (entries > GuestEntries)
            return XenErrno.EINVAL;
        DomainMemory memory = vcpu.Domain.Memory;
        using (memory.Change(vcpu))
        {
            for (int i = 0; i < frames.Length; i++)
            {
                if (memory.Types.GetWithType(frames[i], FrameType.SegmentDescriptors) == 0)
                    continue;
                Release(memory, frames[..i]);
                return XenErrno.EINVAL;
            }
            Release(memory, GdtFrames);
            frames.CopyTo(_gdtFrames);
            _gdtEntries = entries;
        }
        vcpu.DistrustUserSelectors();
        return 0;
    }

    /// <summary>MMUEXT_SET_LDT, its arguments checked.</summary>
    public void SetLdt(GuestVirtual start, int entries)
    {
        _ldtBase = start;
        _ldtEntries = entries;
    }

    public static int PagesFor(int entries) => (entries + EntriesPerPage - 1) / EntriesPerPage;

    private static void Release(DomainMemory memory, ReadOnlySpan<Mfn> frames)
    {
        foreach (Mfn frame in frames)
            memory.Types.PutWithType(frame);
    }
}
