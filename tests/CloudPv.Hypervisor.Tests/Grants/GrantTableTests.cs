using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Grants;

/// <summary>Pages that a guest grants to dom0, seen from both ends (xen/include/public/grant_table.h). Its table is mapped by <see cref="GrantCode"/>.</summary>
public sealed class GrantTableTests
{
    private const int GrantTableOp = 20;
    private const int SetupTable = 2, QuerySize = 6, GetVersion = 10;
    private const ushort PermitAccess = GrantCode.PermitAccess, ReadOnly = 4, Reading = 8, Writing = 16;
    private const uint Reference = GrantCode.Reference;

    [Fact]
    public void A_granted_page_is_the_guests_own_memory()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess));

        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: false, out GuestPage? page).ShouldBe(GrantStatus.Okay);
        using (page)
            page!.Bytes[5] = 0xab;

        guest.Page(GuestCode.FreePage)[5].ShouldBe((byte)0xab);
    }

    [Fact]
    public void While_it_is_mapped_the_entry_shows_reading_and_writing()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess));

        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: false, out GuestPage? page);
        EntryFlags(guest).ShouldBe((ushort)(PermitAccess | Reading | Writing));
        page!.Dispose();
        EntryFlags(guest).ShouldBe(PermitAccess);
    }

    [Fact]
    public void Mapped_twice_it_is_marked_until_the_last_is_gone()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess));

        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: true, out GuestPage? reader);
        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: false, out GuestPage? writer);
        writer!.Dispose();
        EntryFlags(guest).ShouldBe((ushort)(PermitAccess | Reading));
        reader!.Dispose();
        EntryFlags(guest).ShouldBe(PermitAccess);
    }

    [Fact]
    public void A_read_only_grant_is_mapped_for_reading_alone()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess | ReadOnly));

        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: false, out _).ShouldBe(GrantStatus.GeneralError);
        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: true, out GuestPage? page).ShouldBe(GrantStatus.Okay);
        page!.Dispose();
    }

    [Fact]
    public void A_grant_to_another_domain_is_not_dom0s()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess, domain: 5));

        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: true, out _).ShouldBe(GrantStatus.GeneralError);
    }

    [Fact]
    public void An_empty_entry_grants_nothing()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess));

        guest.Domain.TryMapGrant(new GrantRef(Reference + 1), readOnly: true, out _).ShouldBe(GrantStatus.GeneralError);
    }

    [Fact]
    public void A_reference_beyond_the_table_is_bad()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess));

        guest.Domain.TryMapGrant(new GrantRef(512), readOnly: true, out _).ShouldBe(GrantStatus.BadGrantReference);
        guest.Domain.TryMapGrant(new GrantRef(uint.MaxValue), readOnly: true, out _).ShouldBe(GrantStatus.BadGrantReference);
    }

    [Fact]
    public void A_page_table_cannot_be_written_through_a_grant()
    {
        using TestGuest guest = TestGuest.Run(static c => Grant(c, PermitAccess, grantPageTable: true));

        guest.Domain.TryMapGrant(new GrantRef(Reference), readOnly: false, out _).ShouldBe(GrantStatus.BadPage);
        EntryFlags(guest).ShouldBe(PermitAccess);
    }

    [Fact]
    public void The_toolstacks_entries_grant_console_and_xenstore_rings_to_dom0()
    {
        using TestGuest guest = TestGuest.Run(static c => c.ShutDown());

        guest.Domain.TryMapGrant(GrantTable.ConsoleReference, readOnly: false, out GuestPage? console).ShouldBe(GrantStatus.Okay);
        guest.Domain.TryMapGrant(GrantTable.XenstoreReference, readOnly: false, out GuestPage? xenstore).ShouldBe(GrantStatus.Okay);
        console!.Dispose();
        xenstore!.Dispose();
    }

    [Fact]
    public void The_table_has_one_frame_and_may_have_64()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            c.mov(__dword_ptr[GuestCode.Results], 0x7ff0);
            c.Call(GrantTableOp, QuerySize, GuestCode.Results, 1);
            c.ShutDown();
        });

        (guest.Result(0) >> 32).ShouldBe(1ul);
        guest.Result(1).ShouldBe(64ul, "and status 0 in its upper half");
    }

    [Fact]
    public void It_starts_with_version_1()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            c.mov(__dword_ptr[GuestCode.Results], 0x7ff0);
            c.Call(GrantTableOp, GetVersion, GuestCode.Results, 1);
            c.ShutDown();
        });

        (guest.Result(0) >> 32).ShouldBe(1ul);
    }

    [Fact]
    public void Another_domains_table_cannot_be_set_up()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            c.mov(__dword_ptr[GuestCode.Results], 7);
            c.mov(__dword_ptr[GuestCode.Results + 4], 1);
            c.Call(GrantTableOp, SetupTable, GuestCode.Results, 1);
            c.ShutDown();
        });

        ((GrantStatus)(short)guest.Result(1)).ShouldBe(GrantStatus.PermissionDenied);
    }

    /// <summary>Maps the table and fills entry <see cref="Reference"/> with the free page or the page table; then powers off, which leaves the memory as it is.</summary>
    private static void Grant(Assembler c, int flags, int domain = 0, bool grantPageTable = false)
    {
        GrantCode.MapTable(c);
        if (grantPageTable)
        {
            c.mov(rax, cr3);
            c.shr(rax, 12);
        }
        else
        {
            c.FrameOf(GuestCode.FreePage);
        }
        GrantCode.SetEntry(c, domain, flags);
        c.ShutDown();
    }

    private static unsafe ushort EntryFlags(TestGuest guest)
    {
        guest.Domain.Grants.TrySetup(1, out ReadOnlySpan<Mfn> frames);
        return ((GrantEntryV1*)guest.Domain.Memory.Pointer(frames[0]))[Reference].Flags;
    }
}
