using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>A frame has one use at a time: page table, descriptor table, or writable.</summary>
public sealed class PageTypeTests : IDisposable
{
    private static readonly Pfn Page = new(0x300), Other = new(0x301), Third = new(0x302);

    private readonly GuestRig _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void A_page_that_is_mapped_writable_cannot_become_a_page_table() =>
        _guest.Mmuext(MmuextCommand.PinL1Table, _guest.Frame(Page)).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void A_page_table_cannot_be_mapped_writable()
    {
        _guest.Mmuext(MmuextCommand.PinL1Table, _guest.Table(Page)).ShouldBe(0);
        _guest.Remap(Page, GuestRig.Present | GuestRig.Writable).ShouldBe(XenErrno.EBUSY);
    }

    [Fact]
    public void An_unpinned_page_table_can_be_mapped_writable_again()
    {
        _guest.Mmuext(MmuextCommand.PinL1Table, _guest.Table(Page)).ShouldBe(0);
        _guest.Mmuext(MmuextCommand.UnpinTable, _guest.Frame(Page)).ShouldBe(0);
        _guest.Remap(Page, GuestRig.Present | GuestRig.Writable).ShouldBe(0);
    }

    [Fact]
    public void A_table_is_pinned_once_only()
    {
        _guest.Mmuext(MmuextCommand.PinL2Table, _guest.Table(Page)).ShouldBe(0);
        _guest.Mmuext(MmuextCommand.PinL2Table, _guest.Frame(Page)).ShouldBe(XenErrno.EINVAL);
        _guest.Mmuext(MmuextCommand.PinL1Table, _guest.Frame(Page)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void What_is_not_pinned_cannot_be_unpinned() =>
        _guest.Mmuext(MmuextCommand.UnpinTable, _guest.Frame(Page)).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void A_frame_of_nobody_cannot_be_pinned() =>
        _guest.Mmuext(MmuextCommand.PinL1Table, new(1)).ShouldBe(XenErrno.EINVAL);

    [Fact]
    public void Pinning_a_tree_takes_all_its_references_and_unpinning_gives_them_back()
    {
        List<(uint, uint)> before = PinnedTreeOfThree(out Mfn top);
        _guest.Memory.Info(_guest.Frame(Third)).References.ShouldBe(2u);
        _guest.Mmuext(MmuextCommand.UnpinTable, top).ShouldBe(0);
        _guest.Counts().ShouldBe(before);
    }

    [Fact]
    public void A_tree_with_a_bad_entry_is_refused_and_leaves_no_reference_behind()
    {
        Mfn level1 = _guest.Table(Page), level2 = _guest.Table(Other);
        _guest.Words(level1)[5] = _guest.Entry(Third, GuestRig.Present);
        _guest.Words(level1)[6] = Host.FirstXenFrame.Value << 12 | GuestRig.Present;
        _guest.Words(level2)[0] = level1.Value << 12 | GuestRig.Present | GuestRig.Writable;
        List<(uint, uint)> before = _guest.Counts();
        _guest.Mmuext(MmuextCommand.PinL2Table, level2).ShouldBe(XenErrno.EBUSY);
        _guest.Counts().ShouldBe(before);
    }

    [Fact]
    public void A_level_2_entry_cannot_refer_to_a_writable_page()
    {
        Mfn level2 = _guest.Table(Page);
        _guest.Words(level2)[0] = _guest.Entry(Other, GuestRig.Present);
        _guest.Mmuext(MmuextCommand.PinL2Table, level2).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_table_cannot_map_itself_writable()
    {
        Mfn level1 = _guest.Table(Page);
        _guest.Words(level1)[0] = _guest.Entry(Page, GuestRig.Present | GuestRig.Writable);
        _guest.Mmuext(MmuextCommand.PinL1Table, level1).ShouldBe(XenErrno.EBUSY);
    }

    [Fact]
    public void A_type_that_changes_asks_for_a_flush_only_while_an_older_translation_may_be_in_use()
    {
        _guest.Table(Page);
        using (_guest.Memory.Change(_guest.Vcpu))
        {
            _guest.Memory.Types.GetWithType(_guest.Frame(Page), FrameType.L1).ShouldBe(0);
            _guest.Memory.Types.TakeFlush(out uint stamp).ShouldBeTrue();
            stamp.ShouldBe(_guest.Memory.Clock.Now);
            _guest.Memory.Types.GetWithType(_guest.Frame(Page), FrameType.L1).ShouldBe(0);
            _guest.Memory.Types.TakeFlush(out _).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_linear_mapping_of_a_table_by_itself_is_allowed_read_only()
    {
        Mfn level4 = _guest.Table(Page);
        _guest.Words(level4)[300] = _guest.Entry(Page, GuestRig.Present);
        _guest.Mmuext(MmuextCommand.PinL4Table, level4).ShouldBe(0);
        _guest.Mmuext(MmuextCommand.UnpinTable, level4).ShouldBe(0);
    }

    [Fact]
    public void A_linear_mapping_must_not_be_writable()
    {
        Mfn level4 = _guest.Table(Page);
        _guest.Words(level4)[300] = _guest.Entry(Page, GuestRig.Present | GuestRig.Writable);
        _guest.Mmuext(MmuextCommand.PinL4Table, level4).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void Linear_mappings_cannot_be_chained()
    {
        Mfn first = _guest.Table(Page), second = _guest.Table(Other), third = _guest.Table(Third);
        _guest.Mmuext(MmuextCommand.PinL4Table, first).ShouldBe(0);
        _guest.Words(second)[300] = _guest.Entry(Page, GuestRig.Present);
        _guest.Mmuext(MmuextCommand.PinL4Table, second).ShouldBe(0);
        _guest.Words(third)[300] = _guest.Entry(Other, GuestRig.Present);
        _guest.Mmuext(MmuextCommand.PinL4Table, third).ShouldBe(XenErrno.EINVAL);
        _guest.MmuUpdate(GuestRig.Update(first, 300, _guest.Entry(Other, GuestRig.Present))).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void Xens_slots_of_a_level_4_table_are_Xens()
    {
        Mfn level4 = _guest.Table(Page);
        _guest.Words(level4)[256] = 0xdead000 | GuestRig.Present;
        _guest.Words(level4)[260] = 0xdead000 | GuestRig.Present;
        _guest.Mmuext(MmuextCommand.PinL4Table, level4).ShouldBe(0);
        _guest.Words(level4)[256].ShouldBe(0UL);
        _guest.Words(level4)[260].ShouldBe(0UL);
        _guest.MmuUpdate(GuestRig.Update(level4, 256, 0)).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void The_machine_to_phys_table_is_in_the_tables_that_the_kernel_runs_on()
    {
        Mfn level4 = _guest.Table(Page);
        ulong kernels = _guest.Words(_guest.Vcpu.KernelRoot)[511];
        _guest.Words(level4)[511] = kernels & ~PageTableEntry.Global;
        _guest.Mmuext(MmuextCommand.NewUserBaseptr, level4).ShouldBe(0);
        _guest.Words(level4)[256].ShouldBe(0UL);
        _guest.Mmuext(MmuextCommand.NewBaseptr, level4).ShouldBe(0);
        _guest.Words(level4)[256].ShouldBe(_guest.Domain.Host.MachineToPhys.Level4Entry);
    }

    [Fact]
    public void A_base_pointer_must_be_a_level_4_table()
    {
        _guest.Mmuext(MmuextCommand.NewBaseptr, _guest.Frame(Page)).ShouldBe(XenErrno.EINVAL);
        Mfn level1 = _guest.Table(Other);
        _guest.Mmuext(MmuextCommand.PinL1Table, level1).ShouldBe(0);
        _guest.Mmuext(MmuextCommand.NewUserBaseptr, level1).ShouldBe(XenErrno.EINVAL);
    }

    [Fact]
    public void A_user_base_pointer_holds_its_table_until_the_next_one()
    {
        Mfn level4 = _guest.Table(Page);
        _guest.Mmuext(MmuextCommand.NewUserBaseptr, level4).ShouldBe(0);
        _guest.Vcpu.UserRoot.ShouldBe(level4);
        _guest.Remap(Page, GuestRig.Present | GuestRig.Writable).ShouldBe(XenErrno.EBUSY);
        _guest.Mmuext(MmuextCommand.NewUserBaseptr, new(0)).ShouldBe(0);
        _guest.Remap(Page, GuestRig.Present | GuestRig.Writable).ShouldBe(0);
    }

    [Fact]
    public void Pages_of_Xens_that_a_guest_may_only_read_cannot_be_mapped_writable()
    {
        Mfn status = _guest.Memory.AllocateXenFrame(writable: false);
        _guest.UpdateVaMapping(GuestRig.Address(Page), status.Value << 12 | GuestRig.Present).ShouldBe(0);
        _guest.UpdateVaMapping(GuestRig.Address(Page), status.Value << 12 | GuestRig.Present | GuestRig.Writable).ShouldBe(XenErrno.EBUSY);
        Mfn shared = _guest.Domain.SharedInfoFrame;
        _guest.UpdateVaMapping(GuestRig.Address(Page), shared.Value << 12 | GuestRig.Present | GuestRig.Writable).ShouldBe(0);
    }

    private List<(uint, uint)> PinnedTreeOfThree(out Mfn top)
    {
        Mfn level1 = _guest.Table(Page);
        top = _guest.Table(Other);
        _guest.Words(level1)[7] = _guest.Entry(Third, GuestRig.Present | GuestRig.Writable);
        _guest.Words(top)[1] = level1.Value << 12 | GuestRig.Present | GuestRig.Writable;
        List<(uint, uint)> before = _guest.Counts();
        _guest.Mmuext(MmuextCommand.PinL2Table, top).ShouldBe(0);
        return before;
    }
}
