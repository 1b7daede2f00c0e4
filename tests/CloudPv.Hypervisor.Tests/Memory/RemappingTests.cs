using CloudPv.X86;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests;

/// <summary>However a kernel changes what is mapped where its vCPU has been, the vCPU sees it after the next flush, though flushes don't look at what they believe unchanged.</summary>
public sealed class RemappingTests : IDisposable
{
    private const ulong Executable = GuestRig.Present | GuestRig.User | PageTableEntry.GuestKernel;
    private static readonly Pfn First = new(0x300), Second = new(0x301), Level1 = new(0x303), Data = new(0x304);

    private readonly GuestRig _guest = new();

    public RemappingTests()
    {
        WriteCode(First, 1);
        WriteCode(Second, 2);
        Run().ShouldBe(1ul);
        Flush();
        Run().ShouldBe(1ul);
    }

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void By_update_va_mapping()
    {
        _guest.UpdateVaMapping(GuestRig.Address(First), _guest.Entry(Second, Executable), UvmFlags.TlbFlush).ShouldBe(0);
        Run().ShouldBe(2ul);
    }

    [Fact]
    public void By_mmu_update()
    {
        FindEntry(out Mfn table, out int slot);
        _guest.MmuUpdate(GuestRig.Update(table, slot, _guest.Entry(Second, Executable))).ShouldBe(0);
        Flush();
        Run().ShouldBe(2ul);
    }

    [Fact]
    public void By_taking_the_right_to_execute_away()
    {
        _guest.UpdateVaMapping(GuestRig.Address(First), _guest.Entry(First, Executable | PageTableEntry.NoExecute), UvmFlags.TlbFlush).ShouldBe(0);
        RunTo().Vector.ShouldBe((byte)14);
    }

    [Fact]
    public void By_another_table_at_level_2()
    {
        Mfn table = MakeLevel1();
        _guest.MmuUpdate(GuestRig.Update(Level2(out int slot), slot, table.Value << 12 | GuestRig.Present | GuestRig.Writable | GuestRig.User)).ShouldBe(0);
        Flush();
        Run().ShouldBe(2ul);
    }

    [Fact]
    public void By_a_plain_store_to_the_level_1_table()
    {
        FindEntry(out Mfn table, out int slot);
        ref CpuState state = ref _guest.Vcpu.Cpu.State;
        var store = new Pfn(0x305);
        WriteCode(store, code => code.mov(__[rdi], rax));
        Pfn page = new(table.Value - _guest.Memory.First.Value);
        state.Rip = GuestRig.Address(store).Value;
        state.Rdi = GuestRig.Address(page).Value + (ulong)slot * 8;
        state.Rax = _guest.Entry(Second, Executable);
        var fault = new CpuExit(CpuExitKind.Exception, Vector: 14, ErrorCode: 7, FaultAddress: state.Rdi);
        _guest.Memory.TryEmulateStore(_guest.Vcpu, fault, out _).ShouldBeTrue();
        Flush();
        Run().ShouldBe(2ul);
    }

    [Fact]
    public void By_taking_the_right_to_write_away()
    {
        WriteCode(First, code =>
        {
            code.mov(__[rdi], rax);
            code.ud2();
        });
        Write().Vector.ShouldBe((byte)6);
        _guest.Remap(Data, GuestRig.Present).ShouldBe(0);
        Write().ShouldBe(new CpuExit(CpuExitKind.Exception, Vector: 14, ErrorCode: 7, FaultAddress: GuestRig.Address(Data).Value));
    }

    [Fact]
    public void By_clearing_a_pages_dirty_bit()
    {
        const ulong Clean = GuestRig.Present | GuestRig.Writable | GuestRig.User | PageTableEntry.GuestKernel;
        WriteCode(First, code =>
        {
            code.mov(__[rdi], rax);
            code.ud2();
        });
        Write();
        Flush();
        Write();
        _guest.UpdateVaMapping(GuestRig.Address(Data), _guest.Entry(Data, Clean), UvmFlags.TlbFlush).ShouldBe(0);
        (_guest.EntryAt(GuestRig.Address(Data)) & PageTableEntry.Dirty).ShouldBe(0ul);
        Write();
        (_guest.EntryAt(GuestRig.Address(Data)) & PageTableEntry.Dirty).ShouldBe(PageTableEntry.Dirty);
    }

    /// <summary>Runs code that writes to the data page, up to its UD2.</summary>
    private CpuExit Write()
    {
        _guest.Vcpu.Cpu.State.Rdi = GuestRig.Address(Data).Value;
        return RunTo();
    }

    private void Flush() => _guest.Mmuext(MmuextCommand.TlbFlushLocal, default).ShouldBe(0);

    private ulong Run()
    {
        RunTo().Kind.ShouldBe(CpuExitKind.Syscall);
        return _guest.Vcpu.Cpu.State.Rax;
    }

    private CpuExit RunTo()
    {
        _guest.Vcpu.Cpu.State.Rip = GuestRig.Address(First).Value;
        return _guest.Vcpu.Cpu.Run();
    }

    private void WriteCode(Pfn page, int result) => WriteCode(page, code =>
    {
        code.mov(eax, result);
        code.syscall();
    });

    private void WriteCode(Pfn page, Action<Assembler> write)
    {
        var assembler = new Assembler(64);
        write(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), GuestRig.Address(page).Value);
        _guest.Vcpu.TryWrite<byte>(GuestRig.Address(page), stream.ToArray()).ShouldBeTrue();
    }

    private void FindEntry(out Mfn table, out int slot) =>
        _guest.Memory.Updates.TryFindEntry(_guest.Vcpu.KernelRoot, GuestRig.Address(First).Value, out table, out slot).ShouldBeTrue();

    /// <summary>The level-2 table and slot above the code's page.</summary>
    private Mfn Level2(out int slot)
    {
        Mfn table = _guest.Vcpu.KernelRoot;
        for (FrameType level = FrameType.L4; level > FrameType.L2; level--)
            table = PageTableEntry.Frame(_guest.Memory.Updates.Read(table, PageTableEntry.Slot(level, GuestRig.Address(First).Value)));
        slot = PageTableEntry.Slot(FrameType.L2, GuestRig.Address(First).Value);
        return table;
    }

    /// <summary>A copy of the code's level-1 table in which the second page stands where the first did.</summary>
    private Mfn MakeLevel1()
    {
        FindEntry(out Mfn table, out int slot);
        _guest.Words(table).CopyTo(_guest.Words(Level1));
        _guest.Words(Level1)[slot] = _guest.Entry(Second, Executable);

        // It maps itself; a table may not be mapped writable, nor may what it says be writable page tables.
        int own = PageTableEntry.Slot(FrameType.L1, GuestRig.Address(Level1).Value);
        _guest.Words(Level1)[own] = 0;
        _guest.Remap(Level1, GuestRig.Present).ShouldBe(0);
        _guest.Mmuext(MmuextCommand.PinL1Table, _guest.Frame(Level1)).ShouldBe(0);
        return _guest.Frame(Level1);
    }
}
