using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>One vCPU's GDT (set_gdt, with Xen's own entries from byte 0xe000 on) and LDT (MMUEXT_SET_LDT).</summary>
internal sealed class DescriptorTables(Vcpu vcpu) : ISegmentDescriptors
{
    public bool TryRead(ushort selector, out ulong descriptor) => throw new NotImplementedException($"{vcpu.Id}");
}
