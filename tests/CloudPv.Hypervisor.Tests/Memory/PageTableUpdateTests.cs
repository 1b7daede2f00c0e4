using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>mmu_update and update_va_mapping: what an entry may be, and what is really written.</summary>
public sealed class PageTableUpdateTests : IDisposable
{
    private static readonly Pfn Page = new(0x300), Other = new(0x301);

    private readonly GuestRig _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void A_kernel_entry_is_written_with_the_user_bit_and_marked_as_the_kernels()
    {
        _guest.Remap(Page, GuestRig.Present | GuestRig.Writable).ShouldBe(0);
        _guest.EntryAt(GuestRig.Address(Page))
            .ShouldBe(_guest.Entry(Page, GuestRig.Present | GuestRig.Writable | GuestRig.User | PageTableEntry.GuestKernel));
    }

    [Fact]
    public void A_user_entry_is_written_global()
    {
        _guest.Remap(Page, GuestRig.Present | GuestRig.User).ShouldBe(0);
        _guest.EntryAt(GuestRig.Address(Page)).ShouldBe(_guest.Entry(Page, GuestRig.Present | GuestRig.User | PageTableEntry.Global));
    }

    [Theory]
    [InlineData(PageTableEntry.WriteThrough)]
    [InlineData(PageTableEntry.CacheDisable)]
    [InlineData(PageTableEntry.LargeOrPat)]
    public void Cache_attributes_and_large_pages_are_refused(ulong flag) =>
        _guest.Remap(Page, GuestRig.Present | flag).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void A_frame_of_another_owner_is_busy() =>
        _guest.UpdateVaMapping(GuestRig.Address(Page), Host.FirstXenFrame.Value << 12 | GuestRig.Present).ShouldBe(XenErrno.EBUSY);

    [Fact]
    public void The_lowest_frames_are_no_memory() =>
        _guest.UpdateVaMapping(GuestRig.Address(Page), 1UL << 12 | GuestRig.Present).ShouldBe(XenErrno.EPERM);

    [Fact]
    public void A_frame_beyond_the_machine_is_no_right_of_a_domUs() =>
        _guest.UpdateVaMapping(GuestRig.Address(Page), 1UL << 45 | GuestRig.Present).ShouldBe(XenErrno.EPERM);

    [Fact]
    public void The_invalid_frame_is_invalid() =>
        _guest.UpdateVaMapping(GuestRig.Address(Page), PageTableEntry.AddressMask | GuestRig.Present).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void What_is_not_present_may_be_anything()
    {
        _guest.UpdateVaMapping(GuestRig.Address(Page), 0xffff_ffff_ffff_fffe).ShouldBe(0);
        _guest.EntryAt(GuestRig.Address(Page)).ShouldBe(0xffff_ffff_ffff_fffe);
    }

    [Theory]
    [InlineData(0x0000_7000_0000_0000)]
    [InlineData(0x0000_8000_0000_0000)]
    [InlineData(0xffff_8000_0000_0000)]
    public void An_address_without_a_level_1_table_of_the_guests_is_invalid(ulong address) =>
        _guest.UpdateVaMapping(new(address), 0).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void A_bad_vCPU_bitmap_is_a_fault_after_the_update()
    {
        _guest.UpdateVaMapping(GuestRig.Address(Page), 0, UvmFlags.TlbFlush | 0x0000_7000_0000_0000).ShouldBe(XenErrno.EFAULT);
        _guest.EntryAt(GuestRig.Address(Page)).ShouldBe(0UL);
    }

    [Fact]
    public void A_remapped_page_is_seen_through_its_new_frame()
    {
        _guest.Words(Other)[0] = 0x1234;
        _guest.Vcpu.TryRead(GuestRig.Address(Page), out ulong _).ShouldBeTrue();
        _guest.UpdateVaMapping(GuestRig.Address(Page), _guest.Entry(Other, GuestRig.Present)).ShouldBe(0);
        _guest.Vcpu.TryRead(GuestRig.Address(Page), out ulong word).ShouldBeTrue();
        word.ShouldBe(0x1234UL);
    }

    [Fact]
    public void A_word_of_a_page_of_no_special_use_is_simply_written()
    {
        _guest.MmuUpdate(GuestRig.Update(_guest.Frame(Page), 3, 77)).ShouldBe(0);
        _guest.Words(Page)[3].ShouldBe(77UL);
    }

    [Fact]
    public void A_batch_stops_at_the_first_error_and_says_how_far_it_came()
    {
        Mfn table = _guest.Table(Page);
        _guest.Mmuext(MmuextCommand.PinL1Table, table).ShouldBe(0);
        _guest.MmuUpdate(
            GuestRig.Update(table, 0, _guest.Entry(Other, GuestRig.Present)),
            GuestRig.Update(table, 1, _guest.Entry(Page, GuestRig.Present | GuestRig.Writable)),
            GuestRig.Update(table, 2, _guest.Entry(Other, GuestRig.Present))).ShouldBe(XenErrno.EBUSY);
        _guest.Done.ShouldBe(1u);
        _guest.Words(table)[0].ShouldNotBe(0UL);
        _guest.Words(table)[2].ShouldBe(0UL);
    }

    [Fact]
    public void An_update_can_keep_the_accessed_and_dirty_bits()
    {
        Mfn table = _guest.Table(Page);
        const ulong Used = PageTableEntry.Accessed | PageTableEntry.Dirty;
        _guest.Words(table)[0] = _guest.Entry(Other, GuestRig.Present | Used);
        _guest.Mmuext(MmuextCommand.PinL1Table, table).ShouldBe(0);
        ulong plain = _guest.Entry(Other, GuestRig.Present);
        _guest.MmuUpdate(GuestRig.Update(table, 0, plain, MmuUpdateCommand.PtUpdatePreserveAd)).ShouldBe(0);
        (_guest.Words(table)[0] & Used).ShouldBe(Used);
        _guest.MmuUpdate(GuestRig.Update(table, 0, plain)).ShouldBe(0);
        (_guest.Words(table)[0] & Used).ShouldBe(0UL);
    }

    [Fact]
    public void Upper_tables_may_not_have_the_global_bit()
    {
        Mfn level2 = _guest.Table(Page), level1 = _guest.Table(Other);
        _guest.Mmuext(MmuextCommand.PinL2Table, level2).ShouldBe(0);
        ulong entry = level1.Value << 12 | GuestRig.Present;
        _guest.MmuUpdate(GuestRig.Update(level2, 0, entry | PageTableEntry.Global)).ShouldBe(XenErrno.EINVAL);
        _guest.MmuUpdate(GuestRig.Update(level2, 0, entry)).ShouldBe(0);
        _guest.Words(level2)[0].ShouldBe(entry | GuestRig.User);
    }

    [Fact]
    public void The_machine_to_phys_table_is_the_guests_to_read_and_Xens_to_write()
    {
        GuestVirtual entry = new(GuestAddressSpace.MachineToPhysStart + _guest.Frame(Page).Value * 8);
        _guest.Vcpu.TryRead(entry, out ulong pfn).ShouldBeTrue();
        pfn.ShouldBe(Page.Value);
        _guest.Vcpu.TryWrite(entry, 1UL).ShouldBeFalse();
        _guest.MmuUpdate(GuestRig.Update(_guest.Frame(Page), 0, 0x4711, MmuUpdateCommand.MachphysUpdate)).ShouldBe(0);
        _guest.Vcpu.TryRead(entry, out pfn).ShouldBeTrue();
        pfn.ShouldBe(0x4711UL);
    }

    [Fact]
    public void Entries_of_frames_that_no_domain_has_are_invalid()
    {
        _guest.Vcpu.TryRead(new(GuestAddressSpace.MachineToPhysStart + 8), out ulong pfn).ShouldBeTrue();
        pfn.ShouldBe(MachineToPhys.Invalid);
    }

    [Fact]
    public void An_unknown_command_is_not_implemented() =>
        _guest.MmuUpdate(GuestRig.Update(_guest.Frame(Page), 0, 0, (MmuUpdateCommand)5)).ShouldBe(XenErrno.ENOSYS);

    [Fact]
    public void Other_domains_tables_are_out_of_reach() =>
        MmuUpdate.Handle(_guest.Vcpu, new(0, 0, 0, 7)).ShouldBe(XenErrno.ESRCH);
}
