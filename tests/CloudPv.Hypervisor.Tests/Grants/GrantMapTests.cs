using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Grants;

/// <summary>GNTTABOP_map_grant_ref and unmap_grant_ref: a guest that maps a page which it granted to itself (xen/include/public/grant_table.h).</summary>
public sealed class GrantMapTests
{
    private const int GrantTableOp = 20, UpdateVaMapping = 14;
    private const int Map = 0, Unmap = 1, SetupTable = 2;
    private const long Table = GuestCode.SharedInfo, Target = GuestCode.FreePage;
    private const long Operation = GuestCode.Arguments, Handle = Operation + 20, MapStatus = Operation + 18;
    private const uint Reference = 9;

    [Fact]
    public void A_mapped_grant_shows_the_granted_page()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            GrantResultsToSelf(c);
            c.mov(__qword_ptr[GuestCode.Results + 0x100], 0x77);
            MapGrant(c);
            c.SaveFrom(0, __[Target + 0x100]);
            c.movsx(rax, __word_ptr[MapStatus]);
            c.Save(1, rax);
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
            MapGrant(c);
            UnmapGrant(c, slot: 1);
            UnmapGrant(c, slot: 2);
            c.SetTraps(new Gate(PageFault, 0, handler));
            c.mov(rax, __[Target]);
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
            MapGrant(c, domain: 99);
            c.movsx(rax, __word_ptr[MapStatus]);
            c.Save(1, rax);
            c.ShutDown();
        });

        ((GrantStatus)(short)guest.Result(1)).ShouldBe(GrantStatus.BadDomain);
    }

    /// <summary>Entry <see cref="Reference"/> grants the page of results to domain 1, which is this one.</summary>
    private static void GrantResultsToSelf(Assembler c)
    {
        c.mov(__dword_ptr[Operation], 0x7ff0);
        c.mov(__dword_ptr[Operation + 4], 1);
        c.mov(__qword_ptr[Operation + 16], (int)Operation + 0x100);
        c.Call(GrantTableOp, SetupTable, Operation, 1);
        c.mov(rsi, __[Operation + 0x100]);
        c.shl(rsi, 12);
        c.or(rsi, 7);
        c.mov(rdi, Table);
        c.mov(edx, 2);
        c.Hypercall(UpdateVaMapping);
        c.FrameOf(GuestCode.Results);
        c.mov(__dword_ptr[Table + Reference * 8 + 4], eax);
        c.mov(__dword_ptr[Table + Reference * 8], 1 << 16 | 1);
    }

    private static void MapGrant(Assembler c, int domain = 1)
    {
        const int HostMap = 2;
        c.mov(__qword_ptr[Operation], (int)Target);
        c.mov(__dword_ptr[Operation + 8], HostMap);
        c.mov(__dword_ptr[Operation + 12], Reference);
        c.mov(__dword_ptr[Operation + 16], (uint)domain);
        c.Call(GrantTableOp, Map, Operation, 1);
    }

    private static void UnmapGrant(Assembler c, int slot)
    {
        const long Arguments = Operation + 0x200;
        c.mov(__qword_ptr[Arguments], (int)Target);
        c.mov(__qword_ptr[Arguments + 8], 0);
        c.mov(eax, __dword_ptr[Handle]);
        c.mov(__dword_ptr[Arguments + 16], eax);
        c.Call(GrantTableOp, Unmap, Arguments, 1);
        c.movsx(rax, __word_ptr[Arguments + 20]);
        c.Save(slot, rax);
    }
}
