using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Memory;

/// <summary>What a flush leaves where it was, without looking, in a guest that tells of changes (<see cref="CpuBus.MappingsChanged"/>).</summary>
public sealed class MappingWatchTests : IDisposable
{
    private const ulong Function = 0x50_0000;

    private readonly TestGuest _guest = new();
    private readonly Cpu _cpu;

    /// <summary>A caller that goes to the function again and again by an indirect call, and has done so once.</summary>
    public MappingWatchTests()
    {
        _guest.Bus.MappingsChanged(ofCode: true, ofTable: true);
        LoadFunction(1);
        _guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(ebx, (int)Function);
            c.Label(ref loop);
            c.call(rbx);
            c.syscall();
            c.jmp(loop);
        });
        _cpu = _guest.NewCpu();
        Call().ShouldBe(1ul);
    }

    public void Dispose() => _guest.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_change_that_was_told_of_is_seen_after_the_flush(bool single)
    {
        _guest.MapNew(Function, 1);
        LoadFunction(2);
        _guest.Bus.MappingsChanged(ofCode: true, ofTable: false);
        if (single)
            _cpu.FlushTlb(Function);
        else
            _cpu.FlushTlb();

        Call().ShouldBe(2ul);
    }

    [Fact]
    public void A_change_that_was_told_of_before_the_code_first_ran_is_old_news()
    {
        _guest.Bus.MappingsChanged(ofCode: true, ofTable: false);
        _cpu.FlushTlb();
        Call().ShouldBe(1ul);
        _cpu.FlushTlb();

        Call().ShouldBe(1ul);
    }

    [Fact]
    public void Another_root_with_other_code_at_the_address_is_seen_without_being_told_of()
    {
        var root = _guest.NewFrame();
        CopyMappings(root);
        var frame = _guest.NewFrame();
        unsafe
        {
            TestGuest.Assemble(c => { c.mov(eax, 3); c.ret(); }, Function).CopyTo(new Span<byte>(_guest.Memory.Frame(frame), 4096));
        }

        _guest.Map(Function, frame, root: root);
        _cpu.SetPageTable(CpuMode.Kernel, root);
        Call().ShouldBe(3ul);
        _cpu.SetPageTable(CpuMode.Kernel, _guest.Root);

        Call().ShouldBe(1ul);
    }

    [Fact]
    public unsafe void Another_root_that_shares_the_tables_below_finds_its_blocks_without_the_run_loop()
    {
        var root = _guest.NewFrame();
        new ReadOnlySpan<byte>(_guest.Memory.Frame(_guest.Root), 4096).CopyTo(new Span<byte>(_guest.Memory.Frame(root), 4096));
        Call().ShouldBe(1ul);
        var misses = _cpu.Statistics.JumpCacheMisses;
        _cpu.SetPageTable(CpuMode.Kernel, root);

        Call().ShouldBe(1ul);
        _cpu.Statistics.JumpCacheMisses.ShouldBe(misses);
    }

    [Fact]
    public void A_flush_without_a_change_costs_no_misses()
    {
        _cpu.FlushTlb();
        Call().ShouldBe(1ul);
        var misses = _cpu.Statistics.TlbMisses;
        _cpu.FlushTlb();

        Call().ShouldBe(1ul);
        _cpu.Statistics.TlbMisses.ShouldBe(misses);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public unsafe void Data_elsewhere_that_was_told_of_is_seen_after_the_flush(bool single)
    {
        LoadReader(10);
        Call().ShouldBe(10ul);
        _cpu.FlushTlb();
        Call().ShouldBe(10ul);

        var frame = _guest.NewFrame();
        *(ulong*)_guest.Memory.Frame(frame) = 20;
        _guest.Map(TestGuest.DataAddress, frame, executable: false);
        _guest.Bus.MappingsChanged(ofCode: false, ofTable: false);
        Call().ShouldBe(10ul, "no flush yet");
        if (single)
            _cpu.FlushTlb(TestGuest.DataAddress);
        else
            _cpu.FlushTlb();

        Call().ShouldBe(20ul);
    }

    [Fact]
    public void A_right_taken_from_a_frame_is_missed_after_the_flush()
    {
        LoadReader(10);
        Call().ShouldBe(10ul);
        _cpu.FlushTlb();
        Call().ShouldBe(10ul);
        unsafe
        {
            _guest.Bus.SetAccess((*_guest.Entry(TestGuest.DataAddress, _guest.Root) & 0x000f_ffff_ffff_f000) >> 12, 1, FrameAccess.None);
        }

        _cpu.FlushTlb();
        _cpu.Run().Vector.ShouldBe((byte)14);
    }

    /// <summary>Makes the function give a word of data.</summary>
    private unsafe void LoadReader(ulong word)
    {
        _guest.Data(0) = word;
        _guest.Load(c => { c.mov(rdi, (long)TestGuest.DataAddress); c.mov(rax, __[rdi]); c.ret(); }, Function);
        _guest.Bus.CodeWritten((ulong)(_guest.Pointer(Function) - _guest.Memory.Frame(0)) >> 12);
    }

    private ulong Call()
    {
        _cpu.State.Rax = 0;
        _cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        return _cpu.State.Rax;
    }

    private void LoadFunction(int result) => _guest.Load(c => { c.mov(eax, result); c.ret(); }, Function);

    /// <summary>The same pages under another root by tables of its own.</summary>
    private unsafe void CopyMappings(ulong root)
    {
        foreach (var address in (ReadOnlySpan<ulong>)[TestGuest.CodeAddress, TestGuest.StackTop - 0x1000, TestGuest.StackTop - 0x2000])
            *_guest.Entry(address, root) = *_guest.Entry(address, _guest.Root);
    }
}
