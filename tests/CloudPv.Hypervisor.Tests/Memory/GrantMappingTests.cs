using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>Frames of another domain in a guest's page tables: only the grant table's operations bring them there and take them away.</summary>
public sealed class GrantMappingTests : IDisposable
{
    private static readonly Pfn Page = new(0x300), Other = new(0x301);

    private readonly GuestRig _guest = new();
    private readonly Domain _granter;

    public GrantMappingTests()
    {
        _granter = Domain.Build(_guest.Domain.Host, new DomainConfig { Id = new(2), Name = "granter", Kernel = new TestKernel().Build(), MemoryMiB = 16 });
        _guest.UpdateVaMapping(Address, 0).ShouldBe(0);
    }

    private static GuestVirtual Address => GuestRig.Address(Page);

    private Mfn Granted => _granter.Memory.InitialFrame(new(0x305));

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void Two_domains_have_no_frame_in_common()
    {
        _guest.Memory.Owns(Granted).ShouldBeFalse();
        _guest.UpdateVaMapping(Address, Granted.Value << 12 | GuestRig.Present).ShouldBe(XenErrno.EBUSY);
        _guest.MmuUpdate(GuestRig.Update(Granted, 0, 0)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_granted_frame_is_read_and_written_through_its_mapping()
    {
        Map(readOnly: false).ShouldBe(GrantStatus.Okay);
        _guest.Vcpu.TryWrite(Address, 0x1234UL).ShouldBeTrue();
        _guest.Words(Granted)[0].ShouldBe(0x1234UL);
        Unmap(readOnly: false).ShouldBe(GrantStatus.Okay);
        _guest.Vcpu.TryRead(Address, out ulong _).ShouldBeFalse();
    }

    [Fact]
    public void A_read_only_grant_cannot_be_written()
    {
        Map(readOnly: true).ShouldBe(GrantStatus.Okay);
        _guest.Vcpu.TryRead(Address, out ulong _).ShouldBeTrue();
        _guest.Vcpu.TryWrite(Address, 1UL).ShouldBeFalse();
        Unmap(readOnly: false).ShouldBe(GrantStatus.GeneralError);
        Unmap(readOnly: true).ShouldBe(GrantStatus.Okay);
    }

    [Fact]
    public void A_mapping_can_be_made_at_the_machine_address_of_an_entry()
    {
        _guest.Memory.Updates.TryFindEntry(_guest.Vcpu.KernelRoot, Address.Value, out Mfn table, out int slot).ShouldBeTrue();
        ulong entry = table.Value << 12 | (ulong)slot * 8;
        _guest.Memory.CreateGrantMapping(_guest.Vcpu, entry, Granted, readOnly: false, containsPte: true, forUser: true, availableBits: 5).ShouldBe(GrantStatus.Okay);
        const ulong Expected = PageTableEntry.Present | PageTableEntry.Writable | PageTableEntry.User | PageTableEntry.Accessed | PageTableEntry.Dirty
            | PageTableEntry.Global | PageTableEntry.NoExecute | 5UL << 9;
        _guest.EntryAt(Address).ShouldBe(Granted.Value << 12 | Expected);
        _guest.Memory.DestroyGrantMapping(_guest.Vcpu, entry, Granted, readOnly: false, containsPte: true, newAddress: 0).ShouldBe(GrantStatus.Okay);
    }

    [Fact]
    public void A_mapping_is_made_only_where_there_is_an_entry_for_it()
    {
        _guest.Memory.CreateGrantMapping(_guest.Vcpu, 0x7000_0000_0000, Granted, readOnly: false, containsPte: false, forUser: false, availableBits: 0)
            .ShouldBe(GrantStatus.GeneralError);
        ulong data = _guest.Frame(Other).Value << 12;
        _guest.Memory.CreateGrantMapping(_guest.Vcpu, data, Granted, readOnly: false, containsPte: true, forUser: false, availableBits: 0)
            .ShouldBe(GrantStatus.GeneralError);
    }

    [Fact]
    public void Replacing_moves_the_entry_of_another_address()
    {
        Map(readOnly: false).ShouldBe(GrantStatus.Okay);
        _guest.Words(Other)[0] = 0x4711;
        _guest.Memory.DestroyGrantMapping(_guest.Vcpu, Address.Value, Granted, readOnly: false, containsPte: false, GuestRig.Address(Other).Value)
            .ShouldBe(GrantStatus.Okay);
        _guest.Vcpu.TryRead(Address, out ulong word).ShouldBeTrue();
        word.ShouldBe(0x4711UL);
        _guest.EntryAt(GuestRig.Address(Other)).ShouldBe(0UL);
        MemoryAudit.Run(_guest.Domain).ShouldBeEmpty();
    }

    private GrantStatus Map(bool readOnly) =>
        _guest.Memory.CreateGrantMapping(_guest.Vcpu, Address.Value, Granted, readOnly, containsPte: false, forUser: false, availableBits: 0);

    private GrantStatus Unmap(bool readOnly) =>
        _guest.Memory.DestroyGrantMapping(_guest.Vcpu, Address.Value, Granted, readOnly, containsPte: false, newAddress: 0);
}
