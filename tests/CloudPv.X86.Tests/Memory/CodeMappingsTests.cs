using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Memory;

/// <summary>Code that a flush finds where it was, without looking, in a guest that tells of changes (<see cref="CpuBus.CodeMappingsChanged"/>).</summary>
public sealed class CodeMappingsTests : IDisposable
{
    private const ulong Function = 0x50_0000;

    private readonly TestGuest _guest = new();
    private readonly Cpu _cpu;

    /// <summary>A caller that goes to the function again and again by an indirect call, and has done so once.</summary>
    public CodeMappingsTests()
    {
        _guest.Bus.CodeMappingsChanged();
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
        _guest.Bus.CodeMappingsChanged();
        if (single)
            _cpu.FlushTlb(Function);
        else
            _cpu.FlushTlb();

        Call().ShouldBe(2ul);
    }

    [Fact]
    public void A_change_that_was_told_of_before_the_code_first_ran_is_old_news()
    {
        _guest.Bus.CodeMappingsChanged();
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
