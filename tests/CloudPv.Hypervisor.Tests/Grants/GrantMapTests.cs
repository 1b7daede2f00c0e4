using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Grants;

/// <summary>GNTTABOP_map_grant_ref and unmap_grant_ref: a guest that maps a page which it granted to itself (xen/include/public/grant_table.h).</summary>
public sealed class GrantMapTests
{
    [Fact]
    public void A_mapped_grant_shows_the_granted_page()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            GrantResultsToSelf(c);
            c.mov(__qword_ptr[GuestCode.Results + 0x100], 0x77);
            GrantCode.Map(c, domain: 1);
            c.Save(1, rax);
            c.SaveFrom(0, __[GrantCode.Target + 0x100]);
            c.ShutDown();
        });

        guest.Result(1).ShouldBe(0ul);
        guest.Result(0).ShouldBe(0x77ul);
    }

    [Fact]
    public void An_unmapped_grant_is_gone_and_its_handle_too()
    {
        const byte PageFault = 14;
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Label handler = c.CreateLabel();
            GrantResultsToSelf(c);
            GrantCode.Map(c, domain: 1);
            GrantCode.Unmap(c);
            c.Save(1, rax);
            GrantCode.Unmap(c);
            c.Save(2, rax);
            c.SetTraps(new Gate(PageFault, 0, handler));
            c.mov(rax, __[GrantCode.Target]);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.ShutDown();
        });

        guest.Result(1).ShouldBe(0ul);
        ((GrantStatus)(short)guest.Result(2)).ShouldBe(GrantStatus.BadHandle);
    }

    [Fact]
    public void A_grant_of_a_domain_that_does_not_exist_is_refused()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            GrantResultsToSelf(c);
            GrantCode.Map(c, domain: 99);
            c.Save(1, rax);
            c.ShutDown();
        });

        ((GrantStatus)(short)guest.Result(1)).ShouldBe(GrantStatus.BadDomain);
    }

    /// <summary>Entry <see cref="GrantCode.Reference"/> grants the page of results to domain 1, which is this one.</summary>
    private static void GrantResultsToSelf(Assembler c)
    {
        GrantCode.MapTable(c);
        c.FrameOf(GuestCode.Results);
        GrantCode.SetEntry(c, domain: 1, GrantCode.PermitAccess);
    }
}
