using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Memory;

/// <summary>What a flush keeps in the soft TLB of a guest that tells of changes: all that is found by the same tables through level-1 entries that are as they were.</summary>
public sealed class TlbRevalidationTests : IDisposable
{
    private const ulong First = TestGuest.DataAddress;
    private const ulong Second = TestGuest.DataAddress + 0x1000;

    /// <summary>Of the same index in the soft TLB as <see cref="First"/>.</summary>
    private const ulong Alias = First + (1 << 24);

    private readonly TestGuest _guest = new();
    private readonly Cpu _cpu;

    /// <summary>Code that reads RSI, writes RAX to RDI and comes back, again and again.</summary>
    public TlbRevalidationTests()
    {
        _guest.Bus.MappingsChanged(ofCode: true, ofTable: true);
        _guest.MapNew(Alias, 1);
        _guest.Load(c =>
        {
            var again = c.CreateLabel();
            c.Label(ref again);
            c.mov(rbx, __[rsi]);
            c.mov(__[rdi], rax);
            c.syscall();
            c.jmp(again);
        });
        _cpu = _guest.NewCpu();
    }

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void What_has_not_changed_stays()
    {
        Access(First, Second);
        _guest.MapNew(First + 0x2000, 1);
        _guest.Bus.MappingsChanged(ofCode: false, ofTable: false);
        _cpu.FlushTlb();
        var misses = _cpu.Statistics.TlbMisses;

        Access(First, Second);

        _cpu.Statistics.TlbMisses.ShouldBe(misses);
    }

    [Fact]
    public unsafe void A_page_that_shows_another_frame_is_looked_for_anew()
    {
        Access(First, Second);
        _guest.MapNew(First, 1);
        *(ulong*)_guest.Pointer(First) = 99;
        _guest.Bus.MappingsChanged(ofCode: false, ofTable: false);
        _cpu.FlushTlb();

        Access(First, Second);

        _cpu.State.Rbx.ShouldBe(99ul);
    }

    [Fact]
    public void A_page_that_may_no_longer_be_written_faults()
    {
        Access(First, Second);
        _guest.Map(Second, FrameOf(Second), writable: false);
        _guest.Bus.MappingsChanged(ofCode: false, ofTable: false);
        _cpu.FlushTlb();

        Run(First, Second).Vector.ShouldBe((byte)14);
    }

    [Fact]
    public void A_frame_that_may_no_longer_be_written_faults()
    {
        Access(First, Second);
        _guest.Bus.SetAccess(FrameOf(Second), 1, FrameAccess.Read);
        _cpu.FlushTlb();

        Run(First, Second).Vector.ShouldBe((byte)14);
    }

    /// <summary>The write half still has a page whose place in the read half another has taken.</summary>
    [Fact]
    public unsafe void The_write_half_is_looked_at_for_itself()
    {
        Access(Second, First);
        Access(Alias, First);
        _guest.MapNew(First, 1);
        _guest.Bus.MappingsChanged(ofCode: false, ofTable: false);
        _cpu.FlushTlb();

        _cpu.State.Rax = 55;
        Access(Alias, First);

        (*(ulong*)_guest.Pointer(First)).ShouldBe(55ul);
    }

    [Fact]
    public unsafe void Another_table_drops_what_was_found_through_the_old_one()
    {
        Access(First, Second);
        var root = _guest.NewFrame();
        new Span<byte>(_guest.Memory.Frame(_guest.Root), 4096).CopyTo(new Span<byte>(_guest.Memory.Frame(root), 4096));
        *(ulong*)_guest.Memory.Frame(root) = 0;
        _guest.Map(TestGuest.CodeAddress, FrameOf(TestGuest.CodeAddress), root: root);
        _guest.Map(First, _guest.NewFrame(), root: root);
        _guest.Map(Second, FrameOf(Second), root: root);
        *(ulong*)_guest.Pointer(First) = 7;

        _cpu.SetPageTable(CpuMode.Kernel, root);
        Access(First, Second);

        _cpu.State.Rbx.ShouldBe(0ul);
    }

    private void Access(ulong read, ulong written) => Run(read, written).Kind.ShouldBe(CpuExitKind.Syscall);

    private CpuExit Run(ulong read, ulong written)
    {
        _cpu.State.Rip = TestGuest.CodeAddress;
        _cpu.State.Rsi = read;
        _cpu.State.Rdi = written;
        return _cpu.Run();
    }

    private unsafe ulong FrameOf(ulong address) => (*_guest.Entry(address, _guest.Root) & 0x000f_ffff_ffff_f000) >> 12;
}
