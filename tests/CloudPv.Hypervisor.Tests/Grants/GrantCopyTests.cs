using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Grants;

/// <summary>GNTTABOP_copy between frames of the caller's own (xen/include/public/grant_table.h).</summary>
public sealed class GrantCopyTests
{
    private const int GrantTableOp = 20, Copy = 5;
    private const long Operation = GuestCode.Arguments;
    private const int Source = 0, Dest = 16, Domid = 8, Offset = 10, Length = 32, Flags = 34, Status = 36;

    [Fact]
    public void Bytes_go_from_one_page_to_the_other()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            c.mov(__dword_ptr[GuestCode.FreePage + 8], 0x12345678);
            Prepare(c, sourceOffset: 8, destOffset: 0, length: 4);
            c.Call(GrantTableOp, Copy, Operation, 1);
            c.ShutDown();
        });

        guest.Result(0).ShouldBe(0x12345678ul);
        OperationStatus(guest).ShouldBe(GrantStatus.Okay);
    }

    [Fact]
    public void A_copy_that_leaves_its_page_is_refused()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Prepare(c, sourceOffset: 4090, destOffset: 0, length: 8);
            c.Call(GrantTableOp, Copy, Operation, 1);
            c.ShutDown();
        });

        OperationStatus(guest).ShouldBe(GrantStatus.BadCopyArgument);
    }

    [Fact]
    public void A_frame_number_counts_for_the_caller_alone()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Prepare(c, sourceOffset: 0, destOffset: 0, length: 8);
            c.mov(__word_ptr[Operation + Source + Domid], 5);
            c.Call(GrantTableOp, Copy, Operation, 1);
            c.ShutDown();
        });

        OperationStatus(guest).ShouldBe(GrantStatus.PermissionDenied);
    }

    [Fact]
    public void A_page_table_is_no_destination()
    {
        using TestGuest guest = TestGuest.Run(static c =>
        {
            Prepare(c, sourceOffset: 0, destOffset: 0, length: 8);
            c.mov(rax, cr3);
            c.shr(rax, 12);
            c.mov(__[Operation + Dest], rax);
            c.Call(GrantTableOp, Copy, Operation, 1);
            c.ShutDown();
        });

        OperationStatus(guest).ShouldBe(GrantStatus.BadPage);
    }

    /// <summary>From the free page to the page of results, both by frame number.</summary>
    private static void Prepare(Assembler c, int sourceOffset, int destOffset, int length)
    {
        c.FrameOf(GuestCode.FreePage);
        c.mov(__[Operation + Source], rax);
        c.FrameOf(GuestCode.Results);
        c.mov(__[Operation + Dest], rax);
        c.mov(__word_ptr[Operation + Source + Domid], 0x7ff0);
        c.mov(__word_ptr[Operation + Source + Offset], (short)sourceOffset);
        c.mov(__word_ptr[Operation + Dest + Domid], 0x7ff0);
        c.mov(__word_ptr[Operation + Dest + Offset], (short)destOffset);
        c.mov(__word_ptr[Operation + Length], (short)length);
        c.mov(__word_ptr[Operation + Flags], 0);
    }

    private static GrantStatus OperationStatus(TestGuest guest) => (GrantStatus)BitConverter.ToInt16(guest.Page(GuestCode.Arguments)[Status..]);
}
