using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>set_gdt, update_descriptor and MMUEXT_SET_LDT.</summary>
public sealed class DescriptorTableTests : IDisposable
{
    private const ulong Code64 = 0x00affb000000ffff, Ring0Data = 0x00cf93000000ffff, TaskGate = 0x0000e50000000000;
    private static readonly Pfn Page = new(0x300), List = new(0x310);

    private readonly GuestRig _guest = new();

    public void Dispose() => _guest.Dispose();

    [Theory]
    [InlineData(0xe033, 0x00affb000000ffff)]
    [InlineData(0xe02b, 0x00cff3000000ffff)]
    [InlineData(0xe023, 0x00cffb000000ffff)]
    public void Xens_flat_segments_are_always_there(ushort selector, ulong expected)
    {
        _guest.Vcpu.Descriptors.TryRead(selector, out ulong descriptor).ShouldBeTrue();
        descriptor.ShouldBe(expected);
    }

    [Fact]
    public void A_page_of_a_GDT_cannot_be_writable()
    {
        SetGdt().ShouldBe(XenErrno.EINVAL);
        _guest.Table(Page);
        SetGdt().ShouldBe(0);
        _guest.Remap(Page, GuestRig.Present | GuestRig.Writable).ShouldBe(XenErrno.EBUSY);
    }

    [Fact]
    public void Descriptors_are_lowered_to_ring_3()
    {
        _guest.Table(Page);
        _guest.Words(Page)[2] = Ring0Data;
        SetGdt().ShouldBe(0);
        _guest.Vcpu.Descriptors.TryRead(0x10, out ulong descriptor).ShouldBeTrue();
        descriptor.ShouldBe(Ring0Data | 3UL << 45);
    }

    [Fact]
    public void A_table_with_a_system_segment_is_refused()
    {
        _guest.Table(Page);
        _guest.Words(Page)[2] = TaskGate;
        SetGdt().ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_descriptor_of_a_GDT_in_use_can_be_updated()
    {
        _guest.Table(Page);
        SetGdt().ShouldBe(0);
        ulong address = _guest.Frame(Page).Value << 12 | 5 * 8;
        UpdateDescriptor.Handle(_guest.Vcpu, new(address, Code64)).ShouldBe(0);
        _guest.Vcpu.Descriptors.TryRead(0x28, out ulong descriptor).ShouldBeTrue();
        descriptor.ShouldBe(Code64);
        UpdateDescriptor.Handle(_guest.Vcpu, new(address, TaskGate)).ShouldBe(XenErrno.EINVAL);
        UpdateDescriptor.Handle(_guest.Vcpu, new(address + 1, Code64)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_GDT_cannot_reach_into_Xens_entries() =>
        Hypervisor.SetGdt.Handle(_guest.Vcpu, new(GuestRig.Address(List).Value, 7169)).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void An_LDT_begins_on_a_page_and_ends_at_8192_entries()
    {
        SetLdt(GuestRig.Address(Page).Value + 8, 1).ShouldBe(XenErrno.EINVAL);
        SetLdt(GuestRig.Address(Page).Value, 8193).ShouldBe(XenErrno.EINVAL);
        _guest.Words(Page)[1] = Code64;
        SetLdt(GuestRig.Address(Page).Value, 2).ShouldBe(0);
        _guest.Remap(Page, GuestRig.Present).ShouldBe(0);
        _guest.Vcpu.Descriptors.TryRead(0xf, out ulong descriptor).ShouldBeTrue();
        descriptor.ShouldBe(Code64);
        _guest.Vcpu.Descriptors.TryRead(0x17, out _).ShouldBeFalse();
    }

    private long SetGdt()
    {
        _guest.Vcpu.TryWrite(GuestRig.Address(List), _guest.Frame(Page).Value).ShouldBeTrue();
        return Hypervisor.SetGdt.Handle(_guest.Vcpu, new(GuestRig.Address(List).Value, 16));
    }

    private long SetLdt(ulong address, uint entries) =>
        _guest.Mmuext(new MmuextOperation { Cmd = MmuextCommand.SetLdt, LinearAddr = address, NrEnts = entries });
}
