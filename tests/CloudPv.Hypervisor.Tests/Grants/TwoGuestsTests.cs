using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Grants;

/// <summary>Grants between two guests of one host, both running: domain 2 grants or accepts a page, domain 1 uses it (xen/include/public/grant_table.h).</summary>
public sealed class TwoGuestsTests
{
    private const ushort User = 1, Granter = 2;

    /// <summary>In the granted page.</summary>
    private const int Greeting = 0x100, Answer = 0x108;

    /// <summary>Results of the granter.</summary>
    private const int Ready = 0, Received = 1;

    private const int Transfer = 4, Copy = 5;

    [Fact]
    public void Both_see_what_the_other_writes_to_a_mapped_page()
    {
        using var granter = StartGranter(GrantCode.PermitAccess);
        using var user = new TestGuest(static c =>
        {
            GrantCode.Map(c, Granter);
            c.Save(0, rax);
            c.SaveFrom(1, __[GrantCode.Target + Greeting]);
            c.mov(__qword_ptr[GrantCode.Target + Answer], 0x88);
            GrantCode.Unmap(c);
            c.Save(2, rax);
            c.ShutDown();
        }, id: User, neighbour: granter);
        user.RunToItsEnd();

        user.Result(0).ShouldBe(0ul);
        user.Result(1).ShouldBe(0x77ul);
        user.Result(2).ShouldBe(0ul);
        granter.WaitForEnd().ShouldBe(ShutdownReason.PowerOff);
        granter.Result(Received).ShouldBe(0x88ul);
    }

    [Fact]
    public void A_page_mapped_read_only_cannot_be_written()
    {
        const byte PageFault = 14;
        using var granter = StartGranter(GrantCode.PermitAccess);
        using var user = new TestGuest(static c =>
        {
            Label handler = c.CreateLabel();
            c.SetTraps(new Gate(PageFault, 0, handler));
            GrantCode.Map(c, Granter, readOnly: true);
            c.SaveFrom(1, __[GrantCode.Target + Greeting]);
            c.mov(__qword_ptr[GrantCode.Target + Answer], 0x88);
            c.ShutDown(reason: 3);
            c.Label(ref handler);
            c.SaveFrom(0, __[rsp + 16]);
            c.ShutDown();
        }, id: User, neighbour: granter);
        user.RunToItsEnd();

        user.Result(1).ShouldBe(0x77ul);
        user.Result(0).ShouldBe(3ul, "a write to a page that is there");
    }

    [Fact]
    public void A_granted_page_is_copied()
    {
        using var granter = StartGranter(GrantCode.PermitAccess);
        using var user = new TestGuest(static c =>
        {
            c.mov(__qword_ptr[GuestCode.FreePage], 0x88);
            CopyWord(c, sourceIsGrant: true, from: Greeting, to: 8);
            c.Save(0, rax);
            c.SaveFrom(1, __[GuestCode.FreePage + 8]);
            CopyWord(c, sourceIsGrant: false, from: 0, to: Answer);
            c.Save(2, rax);
            c.ShutDown();
        }, id: User, neighbour: granter);
        user.RunToItsEnd();

        user.Result(0).ShouldBe(0ul);
        user.Result(1).ShouldBe(0x77ul);
        user.Result(2).ShouldBe(0ul);
        granter.WaitForEnd().ShouldBe(ShutdownReason.PowerOff);
        granter.Result(Received).ShouldBe(0x88ul);
    }

    [Fact]
    public void A_grant_to_another_domain_is_refused()
    {
        using var granter = StartGranter(GrantCode.PermitAccess, grantee: 7);
        using var user = new TestGuest(static c =>
        {
            GrantCode.Map(c, Granter);
            c.Save(0, rax);
            c.ShutDown();
        }, id: User, neighbour: granter);
        user.RunToItsEnd();

        ((GrantStatus)(short)user.Result(0)).ShouldBe(GrantStatus.GeneralError);
    }

    [Fact]
    public void A_transferred_page_changes_its_owner_and_keeps_its_contents()
    {
        using var receiver = StartReceiver();
        using var giver = StartGiver(receiver);
        giver.RunToItsEnd();
        receiver.WaitForEnd().ShouldBe(ShutdownReason.PowerOff, receiver.Log);

        giver.Result(0).ShouldBe(0ul);
        receiver.Result(Received).ShouldBe(0x99ul);
        var frame = new Mfn(giver.Result(2));
        giver.Domain.Memory.Owns(frame).ShouldBeFalse();
        receiver.Domain.Memory.Owns(frame).ShouldBeTrue();
    }

    [Fact]
    public void A_page_that_the_receiver_does_not_accept_stays_the_givers()
    {
        using var granter = StartGranter(GrantCode.PermitAccess);
        using var giver = StartGiver(granter);
        giver.RunToItsEnd();

        ((GrantStatus)(short)giver.Result(0)).ShouldBe(GrantStatus.GeneralError);
        giver.Result(1).ShouldBe(0ul, "it can be mapped again");
        giver.Domain.Memory.Owns(new Mfn(giver.Result(2))).ShouldBeTrue();
    }

    [Fact]
    public void A_transferred_page_goes_back_to_where_it_came_from()
    {
        using var receiver = StartReceiver(givesBack: true);
        using var giver = new TestGuest(static c =>
        {
            GiveFreePage(c);
            GrantCode.MapTable(c);
            c.xor(eax, eax);
            GrantCode.SetEntry(c, Granter, GrantCode.AcceptTransfer);
            WaitForTransfer(c);
            GrantCode.SetMapping(c, GuestCode.FreePage);
            c.SaveFrom(1, __[GuestCode.FreePage + Greeting]);
            c.ShutDown();
        }, id: User, neighbour: receiver);
        giver.RunToItsEnd();
        receiver.WaitForEnd().ShouldBe(ShutdownReason.PowerOff, receiver.Log);

        giver.Result(1).ShouldBe(0x99ul);
        giver.Domain.Memory.Owns(new Mfn(giver.Result(2))).ShouldBeTrue();
        receiver.Domain.Memory.Owns(new Mfn(giver.Result(2))).ShouldBeFalse();
    }

    [Fact]
    public void A_page_that_another_guest_has_mapped_outlives_its_domain()
    {
        using var granter = StartGranter(GrantCode.PermitAccess);
        Mfn first = granter.Domain.Memory.First;
        using var user = new TestGuest(static c =>
        {
            GrantCode.Map(c, Granter);
            c.mov(__qword_ptr[GuestCode.Results + 8 * 7], 1);
            GrantCode.WaitFor(c, GuestCode.Results + 8 * 8);
            c.SaveFrom(1, __[GrantCode.Target + Greeting]);
            GrantCode.Unmap(c);
            c.Save(2, rax);
            c.ShutDown();
        }, id: User, neighbour: granter);
        user.Domain.Unpause();
        user.WaitForResult(7);

        granter.Domain.Dispose();
        using var other = new TestGuest(static c => c.ShutDown(), id: 3, neighbour: user);
        other.Domain.Memory.First.ShouldNotBe(first, "somebody uses it");
        user.Page(GuestCode.Results)[8 * 8] = 1;
        user.WaitForEnd().ShouldBe(ShutdownReason.PowerOff, user.Log);

        user.Result(1).ShouldBe(0x77ul);
        user.Result(2).ShouldBe(0ul);
        using var next = new TestGuest(static c => c.ShutDown(), id: 4, neighbour: user);
        next.Domain.Memory.First.ShouldBe(first, "nobody uses it any more");
    }

    [Fact]
    public void A_guest_that_dies_with_a_page_mapped_gives_it_back()
    {
        using var granter = StartGranter(GrantCode.PermitAccess);
        var user = new TestGuest(static c =>
        {
            GrantCode.Map(c, Granter);
            c.ShutDown();
        }, id: User, neighbour: granter);
        user.RunToItsEnd();
        EntryFlags(granter).ShouldBe((ushort)(GrantCode.PermitAccess | 8 | 16));

        user.Dispose();

        EntryFlags(granter).ShouldBe(GrantCode.PermitAccess);
    }

    [Fact]
    public void A_transferred_page_outlives_its_giver()
    {
        using var receiver = StartReceiver(waits: true);
        var giver = StartGiver(receiver);
        Mfn first = giver.Domain.Memory.First;
        giver.RunToItsEnd();
        receiver.WaitForResult(7);
        giver.Dispose();
        using var other = new TestGuest(static c => c.ShutDown(), id: 3, neighbour: receiver);
        other.Domain.Memory.First.ShouldNotBe(first, "a page of it is in use");

        receiver.Page(GuestCode.Results)[8 * 8] = 1;
        receiver.WaitForEnd().ShouldBe(ShutdownReason.PowerOff, receiver.Log);
        receiver.Result(Received).ShouldBe(0x99ul);
        receiver.Domain.Dispose();

        using var next = new TestGuest(static c => c.ShutDown(), id: 4, neighbour: receiver);
        next.Domain.Memory.First.ShouldBeOneOf(first, receiver.Domain.Memory.First);
    }

    /// <summary>Domain 2 with a page granted, which greets and waits for an answer.</summary>
    private static TestGuest StartGranter(int flags, int grantee = User)
    {
        var granter = new TestGuest(c =>
        {
            GrantCode.MapTable(c);
            c.mov(__qword_ptr[GuestCode.FreePage + Greeting], 0x77);
            c.FrameOf(GuestCode.FreePage);
            GrantCode.SetEntry(c, grantee, flags);
            c.mov(__qword_ptr[GuestCode.Results + 8 * Ready], 1);
            GrantCode.WaitFor(c, GuestCode.FreePage + Answer);
            c.SaveFrom(Received, __[GuestCode.FreePage + Answer]);
            c.ShutDown();
        }, id: Granter);
        granter.Domain.Unpause();
        granter.WaitForResult(Ready);
        return granter;
    }

    /// <summary>Domain 2 with an entry that accepts a page, which it maps and reads.</summary>
    private static TestGuest StartReceiver(bool givesBack = false, bool waits = false)
    {
        var receiver = new TestGuest(c =>
        {
            GrantCode.MapTable(c);
            c.xor(eax, eax);
            GrantCode.SetEntry(c, User, GrantCode.AcceptTransfer);
            c.mov(__qword_ptr[GuestCode.Results + 8 * Ready], 1);
            WaitForTransfer(c);
            c.mov(rbx, rax);
            GrantCode.SetMapping(c, GuestCode.FreePage);
            c.mov(__qword_ptr[GuestCode.Results + 8 * 7], 1);
            if (waits)
                GrantCode.WaitFor(c, GuestCode.Results + 8 * 8);
            c.SaveFrom(Received, __[GuestCode.FreePage + Greeting]);
            if (givesBack)
            {
                Label again = c.CreateLabel();
                GrantCode.ClearMapping(c, GuestCode.FreePage);
                c.Label(ref again);
                c.mov(rax, rbx);
                Give(c, User);
                c.test(rax, rax);
                c.jne(again);
            }
            c.ShutDown();
        }, id: Granter);
        receiver.Domain.Unpause();
        receiver.WaitForResult(Ready);
        return receiver;
    }

    /// <summary>Domain 1, which gives a page to domain 2. Results: 0 the transfer's status, 1 whether it can be mapped again, 2 the frame.</summary>
    private static TestGuest StartGiver(TestGuest receiver) => new(static c =>
    {
        GiveFreePage(c);
        c.mov(rax, __[GuestCode.Results + 8 * 2]);
        GrantCode.SetMapping(c, GuestCode.FreePage);
        c.Save(1, rax);
        c.ShutDown();
    }, id: User, neighbour: receiver);

    private static void GiveFreePage(Assembler c)
    {
        c.mov(__qword_ptr[GuestCode.FreePage + Greeting], 0x99);
        c.FrameOf(GuestCode.FreePage);
        c.Save(2, rax);
        GrantCode.ClearMapping(c, GuestCode.FreePage);
        c.mov(rax, __[GuestCode.Results + 8 * 2]);
        Give(c, Granter);
        c.Save(0, rax);
    }

    /// <summary>GNTTABOP_transfer of frame rax; rax is the status.</summary>
    private static void Give(Assembler c, int domain)
    {
        c.mov(__[GuestCode.Arguments], rax);
        c.mov(__dword_ptr[GuestCode.Arguments + 8], (uint)domain);
        c.mov(__dword_ptr[GuestCode.Arguments + 12], GrantCode.Reference);
        c.Call(GrantCode.GrantTableOp, Transfer, GuestCode.Arguments, 1);
        c.movsx(rax, __word_ptr[GuestCode.Arguments + 16]);
    }

    /// <summary>Waits until the entry has got a page; rax is its frame.</summary>
    private static void WaitForTransfer(Assembler c)
    {
        const int Completed = 8;
        const long Entry = GrantCode.Table + GrantCode.Reference * 8;
        Label wait = c.CreateLabel();
        c.Label(ref wait);
        c.pause();
        c.test(__dword_ptr[Entry], Completed);
        c.je(wait);
        c.mov(eax, __dword_ptr[Entry + 4]);
    }

    /// <summary>Copies a word between domain 2's granted page and the caller's free page; rax is the status.</summary>
    private static void CopyWord(Assembler c, bool sourceIsGrant, int from, int to)
    {
        const int SourceGref = 1, DestGref = 2, DomidSelf = 0x7ff0;
        long grant = GuestCode.Arguments + (sourceIsGrant ? 0 : 16), own = GuestCode.Arguments + (sourceIsGrant ? 16 : 0);
        c.FrameOf(GuestCode.FreePage);
        c.mov(__[own], rax);
        c.mov(__word_ptr[own + 8], DomidSelf);
        c.mov(__qword_ptr[grant], (int)GrantCode.Reference);
        c.mov(__word_ptr[grant + 8], Granter);
        c.mov(__word_ptr[GuestCode.Arguments + 10], (short)from);
        c.mov(__word_ptr[GuestCode.Arguments + 26], (short)to);
        c.mov(__word_ptr[GuestCode.Arguments + 32], 8);
        c.mov(__word_ptr[GuestCode.Arguments + 34], (short)(sourceIsGrant ? SourceGref : DestGref));
        c.Call(GrantCode.GrantTableOp, Copy, GuestCode.Arguments, 1);
        c.movsx(rax, __word_ptr[GuestCode.Arguments + 36]);
    }

    private static unsafe ushort EntryFlags(TestGuest guest)
    {
        guest.Domain.Grants.TrySetup(1, out ReadOnlySpan<Mfn> frames);
        return ((GrantEntryV1*)guest.Domain.Memory.Pointer(frames[0]))[GrantCode.Reference].Flags;
    }
}
