using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>memory_op: how a guest's memory grows and shrinks, and what it is told of it.</summary>
public sealed class ReservationTests : IDisposable
{
    private const ulong Pages = 4096, Slack = 256;
    private static readonly Pfn Page = new(0x300), List = new(0x310);

    private readonly GuestRig _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void A_page_that_is_given_back_is_not_the_guests_any_more()
    {
        Mfn frame = _guest.Frame(Page);
        _guest.UpdateVaMapping(GuestRig.Address(Page), 0).ShouldBe(0);
        Decrease(frame).ShouldBe(1);
        Query(MemoryCommand.CurrentReservation).ShouldBe((long)Pages - 1);
        _guest.UpdateVaMapping(GuestRig.Address(Page), frame.Value << 12 | GuestRig.Present).ShouldBe(XenErrno.EBUSY);
        _guest.Memory.PhysicalOf(frame).ShouldBe(MachineToPhys.Invalid);
    }

    [Fact]
    public void A_page_that_is_given_back_while_it_is_mapped_goes_with_its_last_mapping()
    {
        Decrease(_guest.Frame(Page)).ShouldBe(1);
        Query(MemoryCommand.CurrentReservation).ShouldBe((long)Pages);
        _guest.UpdateVaMapping(GuestRig.Address(Page), 0).ShouldBe(0);
        Query(MemoryCommand.CurrentReservation).ShouldBe((long)Pages - 1);
    }

    [Fact]
    public void A_page_can_be_given_back_once_only()
    {
        _guest.UpdateVaMapping(GuestRig.Address(Page), 0).ShouldBe(0);
        Decrease(_guest.Frame(Page), _guest.Frame(Page)).ShouldBe(1);
    }

    [Fact]
    public void A_populated_page_is_zero_and_known_by_its_pfn()
    {
        _guest.Words(Page)[0] = 1;
        _guest.UpdateVaMapping(GuestRig.Address(Page), 0).ShouldBe(0);
        Decrease(_guest.Frame(Page)).ShouldBe(1);

        var request = Request(Page.Value);
        _guest.MemoryOp(MemoryCommand.PopulatePhysmap, ref request).ShouldBe(1);
        Mfn frame = new(_guest.Words(List)[0]);
        _guest.Memory.PhysicalOf(frame).ShouldBe(Page.Value);
        _guest.UpdateVaMapping(GuestRig.Address(Page), frame.Value << 12 | GuestRig.Present | GuestRig.Writable).ShouldBe(0);
        _guest.Vcpu.TryRead(GuestRig.Address(Page), out ulong word).ShouldBeTrue();
        word.ShouldBe(0UL);
    }

    [Fact]
    public void A_guest_cannot_grow_beyond_its_maximum()
    {
        var request = Request([.. Enumerable.Range(0, (int)Slack + 10).Select(i => Pages + (ulong)i)]);
        _guest.MemoryOp(MemoryCommand.PopulatePhysmap, ref request).ShouldBe((long)Slack);
        Query(MemoryCommand.CurrentReservation).ShouldBe(Query(MemoryCommand.MaximumReservation));
    }

    [Fact]
    public void Pages_of_Xens_are_not_the_guests_to_give_back()
    {
        Decrease(_guest.Domain.SharedInfoFrame).ShouldBe(1);
        _guest.Memory.Owns(_guest.Domain.SharedInfoFrame).ShouldBeTrue();
        Query(MemoryCommand.CurrentReservation).ShouldBe((long)Pages);
    }

    [Fact]
    public void A_frame_of_another_owner_cannot_be_given_back() => Decrease(new Mfn(1)).ShouldBe(0);

    [Fact]
    public void Another_domains_reservation_cannot_be_changed()
    {
        var request = Request(Page.Value);
        request.Domid = 5;
        _guest.MemoryOp(MemoryCommand.PopulatePhysmap, ref request).ShouldBe(0);
    }

    [Fact]
    public void Single_pages_can_be_exchanged_for_adjoining_ones()
    {
        Pfn[] pages = [new(0x300), new(0x302), new(0x304), new(0x306)];
        foreach (Pfn page in pages)
            _guest.UpdateVaMapping(GuestRig.Address(page), 0).ShouldBe(0);
        MemoryReservation given = Request([.. pages.Select(page => _guest.Frame(page).Value)]);
        GuestVirtual output = new(GuestRig.Address(List).Value + 2048);
        _guest.Vcpu.TryWrite(output, 0x800UL).ShouldBeTrue();
        var exchange = new MemoryExchangeArguments
        {
            In = given,
            Out = new() { ExtentStart = output.Value, NrExtents = 1, ExtentOrder = 2, Domid = SpecialDomain.Self },
        };
        _guest.MemoryOp(MemoryCommand.Exchange, ref exchange).ShouldBe(0);
        exchange.NrExchanged.ShouldBe(4UL);
        _guest.Vcpu.TryRead(output, out ulong first).ShouldBeTrue();
        (first % 4).ShouldBe(0UL);
        _guest.Memory.PhysicalOf(new(first + 3)).ShouldBe(0x803UL);
        Query(MemoryCommand.CurrentReservation).ShouldBe((long)Pages);
    }

    [Fact]
    public void The_memory_map_is_one_piece_of_RAM()
    {
        var map = new MemoryMap { NrEntries = 8, Buffer = GuestRig.Address(List).Value };
        _guest.MemoryOp(MemoryCommand.MemoryMap, ref map).ShouldBe(0);
        map.NrEntries.ShouldBe(1u);
        _guest.Vcpu.TryRead(GuestRig.Address(List), out E820Entry ram).ShouldBeTrue();
        (ram.Addr, ram.Size, ram.Type).ShouldBe((0UL, 16UL << 20, E820Entry.Ram));
    }

    [Fact]
    public void The_machines_own_map_is_no_business_of_a_domUs()
    {
        var map = new MemoryMap { NrEntries = 8, Buffer = GuestRig.Address(List).Value };
        _guest.MemoryOp(MemoryCommand.MachineMemoryMap, ref map).ShouldBe(XenErrno.EPERM);
    }

    [Fact]
    public void The_machine_to_phys_tables_place_is_told()
    {
        var mapping = new MachphysMapping();
        _guest.MemoryOp(MemoryCommand.MachphysMapping, ref mapping).ShouldBe(0);
        (mapping.VStart, mapping.VEnd).ShouldBe((0xffff800000000000, 0xffff804000000000));
    }

    private long Decrease(params Mfn[] frames)
    {
        MemoryReservation request = Request([.. frames.Select(frame => frame.Value)]);
        return _guest.MemoryOp(MemoryCommand.DecreaseReservation, ref request);
    }

    private MemoryReservation Request(params ulong[] extents)
    {
        _guest.Vcpu.TryWrite<ulong>(GuestRig.Address(List), extents).ShouldBeTrue();
        return new() { ExtentStart = GuestRig.Address(List).Value, NrExtents = (ulong)extents.Length, Domid = SpecialDomain.Self };
    }

    private long Query(MemoryCommand command)
    {
        ushort domain = SpecialDomain.Self;
        return _guest.MemoryOp(command, ref domain);
    }
}
