using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Memory;

/// <summary>User code that accesses memory through windows of the host's memory management.</summary>
public sealed unsafe class WindowTests : IDisposable
{
    private const ulong Dirty = 1 << 6;
    private const ulong Writable = 1 << 1;
    private const ulong Mapped = 0x7ffe_0000_0000;
    private const byte PageFault = 14;

    private readonly TestGuest _guest = new();

    [Fact]
    public void A_page_is_missed_once()
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        _guest.Data(0) = 7;

        Run(cpu);
        var misses = cpu.Statistics.WindowMisses;
        cpu.State.Rbx += 8;
        Run(cpu);

        misses.ShouldBe(1);
        cpu.Statistics.WindowMisses.ShouldBe(1);
        cpu.State.Rax.ShouldBe(0ul);
    }

    [Fact]
    public void A_page_that_is_taken_away_faults_behind_the_flush()
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        Run(cpu);

        _guest.Unmap(TestGuest.DataAddress);
        cpu.FlushTlb(TestGuest.DataAddress);

        ShouldFault(cpu, TestGuest.DataAddress, errorCode: 4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_frame_is_seen_behind_the_flush(bool flushesAll)
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        Run(cpu);

        var frame = _guest.NewFrame();
        *(ulong*)_guest.Memory.Frame(frame) = 9;
        _guest.Map(TestGuest.DataAddress, frame);
        if (flushesAll)
            cpu.FlushTlb();
        else
            cpu.FlushTlb(TestGuest.DataAddress);
        Run(cpu);

        cpu.State.Rax.ShouldBe(9ul);
    }

    [Fact]
    public void A_page_that_may_no_longer_be_written_faults_behind_the_flush()
    {
        Load(c => c.mov(__[rbx], rcx));
        var cpu = NewCpu();
        Run(cpu);

        *_guest.Entry(TestGuest.DataAddress, _guest.Root) &= ~Writable;
        cpu.FlushTlb();

        ShouldFault(cpu, TestGuest.DataAddress, errorCode: 7);
    }

    [Fact]
    public void A_frame_that_may_no_longer_be_written_faults_behind_the_flush()
    {
        Load(c => c.mov(__[rbx], rcx));
        var cpu = NewCpu();
        Run(cpu);

        var frame = *_guest.Entry(TestGuest.DataAddress, _guest.Root) >> 12 & 0xffffff;
        _guest.Bus.SetAccess(frame, 1, FrameAccess.Read);
        _guest.Bus.FlushTlb([1]);

        ShouldFault(cpu, TestGuest.DataAddress, errorCode: 7);
    }

    [Fact]
    public void The_first_write_marks_a_page_dirty_that_was_read_before()
    {
        Load(c =>
        {
            c.mov(rax, __[rbx]);
            c.mov(__[rsi], rax);
        });
        var cpu = NewCpu();
        cpu.State.Rsi = TestGuest.DataAddress + 0x1000;
        Run(cpu);
        var dirtyAfterRead = *_guest.Entry(TestGuest.DataAddress, _guest.Root) & Dirty;

        cpu.State.Rsi = TestGuest.DataAddress;
        Run(cpu);

        dirtyAfterRead.ShouldBe(0ul);
        (*_guest.Entry(TestGuest.DataAddress, _guest.Root) & Dirty).ShouldBe(Dirty);
    }

    [Fact]
    public void A_page_that_the_guest_cleaned_becomes_dirty_again()
    {
        Load(c => c.mov(__[rbx], rcx));
        var cpu = NewCpu();
        Run(cpu);

        *_guest.Entry(TestGuest.DataAddress, _guest.Root) &= ~Dirty;
        cpu.FlushTlb();
        Run(cpu);

        (*_guest.Entry(TestGuest.DataAddress, _guest.Root) & Dirty).ShouldBe(Dirty);
    }

    [Fact]
    public void Code_in_a_page_that_is_written_through_its_window_is_seen_to_change()
    {
        Load(c =>
        {
            c.mov(__byte_ptr[rbx], cl);
            c.call(rbx);
        });
        _guest.Load(
            c =>
            {
                c.mov(al, 1);
                c.ret();
            },
            TestGuest.DataAddress);
        var cpu = NewCpu();
        cpu.State.Rcx = 0xb0; // mov al, imm8
        Run(cpu);
        cpu.State.Rcx = 0xb4; // mov ah, imm8
        cpu.State.Rax = 0;
        Run(cpu);

        cpu.State.Rax.ShouldBe(0x100ul);
    }

    [Fact]
    public void A_displacement_leads_to_the_next_window()
    {
        const ulong edge = 1ul << 39;
        Load(c => c.mov(rax, __[rbx + 0x1000_0000]));
        _guest.MapNew(edge, 1);
        _guest.Write(edge, [5]);
        var cpu = NewCpu();
        cpu.State.Rbx = edge - 0x1000_0000;

        Run(cpu);

        cpu.State.Rax.ShouldBe(5ul);
    }

    [Fact]
    public void A_base_that_steps_over_the_edge_of_its_window_is_followed()
    {
        const ulong edge = 1ul << 39;
        Load(c =>
        {
            c.mov(rax, __[rbx]);
            c.add(rbx, 0x1000);
            c.add(rax, __[rbx]);
        });
        _guest.MapNew(edge - 0x1000, 2);
        _guest.Write(edge - 0x1000, [3]);
        _guest.Write(edge, [5]);
        var cpu = NewCpu();
        cpu.State.Rbx = edge - 0x1000;

        Run(cpu);

        cpu.State.Rax.ShouldBe(8ul);
    }

    [Fact]
    public void Flags_are_pushed_where_another_value_just_was()
    {
        Load(c =>
        {
            c.push(rax);
            c.xor(edx, edx);
            c.pushfq();
            c.pop(rcx);
        });
        var cpu = NewCpu();
        const ulong zero = 1 << 6;

        Run(cpu);

        (cpu.State.Rcx & zero).ShouldBe(zero);
        cpu.Statistics.WindowMisses.ShouldBe(1);
    }

    [Fact]
    public void An_operand_with_a_spilled_index_is_found_behind_another()
    {
        Load(c =>
        {
            c.mov(rax, __[rbx]);
            c.mov(rcx, __[rbx + r9]);
            c.mov(rdx, __[rbx + 8]);
        });
        var cpu = NewCpu();
        cpu.State.R9 = 8;
        (_guest.Data(0), _guest.Data(1)) = (1, 2);

        Run(cpu);

        (cpu.State.Rax, cpu.State.Rcx, cpu.Statistics.WindowMisses).ShouldBe((1ul, 2ul, 1L));
    }

    [Theory]
    [InlineData(0x0000_8000_0000_0000ul)]
    [InlineData(0x8000_0000_0060_0000ul)]
    [InlineData(0x0001_0000_0060_0000ul)]
    [InlineData(0x4000_7fff_0000_0000ul)]
    public void A_non_canonical_address_raises_a_general_protection_fault(ulong address)
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        cpu.State.Rbx = address;

        var exit = RunOnce(cpu);

        (exit.Kind, exit.Vector).ShouldBe((CpuExitKind.Exception, (byte)13));
        cpu.State.Rip.ShouldBe(TestGuest.CodeAddress);
    }

    [Theory]
    [InlineData(0xffff_8000_0000_0000ul)]
    [InlineData(0xffff_ffff_ffff_f000ul)]
    public void An_address_of_the_kernels_half_faults(ulong address)
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        cpu.State.Rbx = address;

        var exit = RunOnce(cpu);

        (exit.Kind, exit.Vector, exit.FaultAddress).ShouldBe((CpuExitKind.Exception, PageFault, address));
    }

    [Fact]
    public void A_stack_that_is_non_canonical_raises_a_stack_fault()
    {
        Load(c => c.push(rax));
        var cpu = NewCpu();
        cpu.State.Rsp = 0x8000_0000_0000_0000;

        RunOnce(cpu).Vector.ShouldBe((byte)12);

        cpu.State.Rsp.ShouldBe(0x8000_0000_0000_0000ul);
    }

    [Fact]
    public void An_instruction_is_expected_where_it_last_was()
    {
        Load(c => c.mov(rax, __[rbx]));
        _guest.MapNew(Mapped, 1);
        _guest.Write(Mapped, [4]);
        var cpu = NewCpu();
        Run(cpu);

        cpu.State.Rbx = Mapped;
        Run(cpu);
        var others = cpu.Statistics.OtherWindows;
        Run(cpu);

        cpu.State.Rax.ShouldBe(4ul);
        others.ShouldBePositive();
        cpu.Statistics.OtherWindows.ShouldBe(others);
    }

    [Fact]
    public void An_instruction_that_goes_to_and_fro_is_expected_nowhere_in_the_end()
    {
        Load(c => c.mov(rax, __[rbx]));
        _guest.MapNew(Mapped, 1);
        var cpu = NewCpu();
        for (var round = 0; round < 20; round++)
        {
            cpu.State.Rbx = round % 2 == 0 ? Mapped : TestGuest.DataAddress;
            Run(cpu);
        }

        cpu.Statistics.OtherWindows.ShouldBeLessThan(10);
    }

    [Fact]
    public void Another_root_shows_its_own_pages()
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        _guest.Data(0) = 1;
        var other = _guest.NewFrame();
        var frame = _guest.NewFrame();
        *(ulong*)_guest.Memory.Frame(frame) = 2;
        _guest.Map(TestGuest.DataAddress, frame, root: other);
        _guest.Map(TestGuest.CodeAddress, *_guest.Entry(TestGuest.CodeAddress, _guest.Root) >> 12, root: other);
        Run(cpu);

        cpu.SetPageTable(CpuMode.User, other);
        cpu.OpenWindows();
        Run(cpu);
        var there = cpu.State.Rax;
        cpu.SetPageTable(CpuMode.User, _guest.Root);
        Run(cpu);

        there.ShouldBe(2ul);
        cpu.State.Rax.ShouldBe(1ul);
    }

    [Fact]
    public void Code_that_runs_for_long_gets_windows()
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu(opensWindows: false);
        Run(cpu);
        cpu.Statistics.WindowMisses.ShouldBe(0);

        // However coarse the host's clock is.
        const int most = 1000;
        for (var time = 0; time < most && cpu.Statistics.WindowMisses == 0; time++)
        {
            Thread.Sleep(1);
            cpu.Kick();
            RunOnce(cpu).Kind.ShouldBe(CpuExitKind.Kicked);
            Run(cpu);
        }

        cpu.Statistics.WindowMisses.ShouldBe(1);
    }

    [Fact]
    public void Code_that_goes_on_missing_loses_its_windows()
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        ulong[] frames = [_guest.NewFrame(), _guest.NewFrame()];
        var misses = -1L;
        for (var round = 0; misses < cpu.Statistics.WindowMisses; round++)
        {
            misses = cpu.Statistics.WindowMisses;
            _guest.Map(TestGuest.DataAddress, frames[round % 2]);
            cpu.FlushTlb(TestGuest.DataAddress);
            Run(cpu);
        }

        misses.ShouldBeGreaterThan(100);
    }

    [Fact]
    public void A_root_that_another_program_has_taken_over_starts_without_windows()
    {
        Load(c => c.mov(rax, __[rbx]));
        var cpu = NewCpu();
        Run(cpu);

        _guest.Map(TestGuest.DataAddress, _guest.NewFrame());
        cpu.FlushTlb();
        cpu.Kick();
        RunOnce(cpu);
        Run(cpu);

        cpu.Statistics.WindowMisses.ShouldBe(1);
    }

    [Fact]
    public void A_translation_is_taken_again_at_another_address()
    {
        const ulong other = Mapped + 0x1000_0000;
        foreach (var address in (ReadOnlySpan<ulong>)[Mapped, other])
        {
            _guest.Load(
                c =>
                {
                    c.mov(rax, __[rbx]);
                    c.syscall();
                },
                address);
        }

        var cpu = NewCpu();
        cpu.State.Rip = Mapped;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        var translated = cpu.Statistics.BlocksTranslated;

        cpu.State.Rip = other;
        cpu.State.Rbx = other + 0x1000;
        var exit = cpu.Run();

        cpu.Statistics.BlocksTranslated.ShouldBe(translated);
        (exit.Kind, exit.FaultAddress).ShouldBe((CpuExitKind.Exception, other + 0x1000));
        cpu.State.Rip.ShouldBe(other);
    }

    public void Dispose() => _guest.Dispose();

    private void Load(Action<Assembler> emit) => _guest.Load(c =>
    {
        emit(c);
        c.xor(edx, edx);
        c.syscall();
    });

    private Cpu NewCpu(bool opensWindows = true)
    {
        var cpu = _guest.NewCpu();
        cpu.Mode = CpuMode.User;
        cpu.State.Rbx = TestGuest.DataAddress;
        if (opensWindows)
            cpu.OpenWindows();
        return cpu;
    }

    private static CpuExit RunOnce(Cpu cpu)
    {
        cpu.State.Rip = TestGuest.CodeAddress;
        return cpu.Run();
    }

    private static void Run(Cpu cpu) => RunOnce(cpu).Kind.ShouldBe(CpuExitKind.Syscall);

    private static void ShouldFault(Cpu cpu, ulong address, uint errorCode)
    {
        var exit = RunOnce(cpu);
        (exit.Kind, exit.Vector, exit.FaultAddress, exit.ErrorCode).ShouldBe((CpuExitKind.Exception, PageFault, address, errorCode));
    }
}
