using CloudPv.X86;
using CloudPv.Xen;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests;

/// <summary>A kernel's plain stores to its level-1 tables are carried out as checked updates; other stores to read-only pages fault.</summary>
public sealed class WritablePageTableTests : IDisposable
{
    private const ulong Flags = GuestRig.Present | GuestRig.Writable | GuestRig.User | PageTableEntry.GuestKernel;
    private static readonly Pfn Table = new(0x300), Target = new(0x301), Code = new(0x302);

    private readonly GuestRig _guest = new();

    public WritablePageTableTests()
    {
        _guest.Table(Table);
        _guest.Mmuext(MmuextCommand.PinL1Table, _guest.Frame(Table)).ShouldBe(0);
    }

    public void Dispose() => _guest.Dispose();

    private ref CpuState State => ref _guest.Vcpu.Cpu.State;

    [Fact]
    public void A_store_is_a_checked_update()
    {
        State.Rax = _guest.Entry(Target, GuestRig.Present | GuestRig.Writable);
        Store(code => code.mov(__[rdi + 16], rax), offset: 16).ShouldBeTrue();
        _guest.Words(Table)[2].ShouldBe(_guest.Entry(Target, Flags));
        _guest.Memory.Info(_guest.Frame(Target)).TypeReferences.ShouldBe(2u);
        State.Rip.ShouldBe(GuestRig.Address(Code).Value + 4);
    }

    [Fact]
    public void A_store_of_a_bad_entry_is_the_guests_own_fault()
    {
        State.Rax = 1UL << 12 | GuestRig.Present;
        Store(code => code.mov(__[rdi], rax)).ShouldBeFalse();
        _guest.Words(Table)[0].ShouldBe(0UL);
        State.Rip.ShouldBe(GuestRig.Address(Code).Value);
    }

    [Fact]
    public void An_exchange_takes_an_entry_out()
    {
        SetEntry(0);
        State.Rax = 0;
        Store(code => code.xchg(__[rdi], rax)).ShouldBeTrue();
        State.Rax.ShouldBe(_guest.Entry(Target, Flags));
        _guest.Words(Table)[0].ShouldBe(0UL);
        _guest.Memory.Info(_guest.Frame(Target)).TypeReferences.ShouldBe(1u);
    }

    [Fact]
    public void A_bit_operation_changes_one_half_of_an_entry()
    {
        SetEntry(0);
        Store(code => code.@lock.and(__dword_ptr[rdi], unchecked((int)~(uint)GuestRig.Writable))).ShouldBeTrue();
        _guest.Words(Table)[0].ShouldBe(_guest.Entry(Target, Flags & ~GuestRig.Writable));
        _guest.Memory.Info(_guest.Frame(Target)).TypeReferences.ShouldBe(1u);
    }

    [Fact]
    public void A_compare_and_exchange_compares_with_what_is_really_there()
    {
        SetEntry(0);
        State.Rax = 1;
        State.Rcx = 0;
        Store(code => code.@lock.cmpxchg(__[rdi], rcx)).ShouldBeTrue();
        State.Rax.ShouldBe(_guest.Entry(Target, Flags));
        Store(code => code.@lock.cmpxchg(__[rdi], rcx)).ShouldBeTrue();
        _guest.Words(Table)[0].ShouldBe(0UL);
    }

    [Fact]
    public void A_repeated_store_clears_a_table()
    {
        for (int slot = 0; slot < 4; slot++)
            SetEntry(slot);
        State.Rax = 0;
        State.Rcx = 4;
        for (int round = 0; round < 4 && State.Rcx > 0; round++)
            Store(code => code.rep.stosq(), keepRdi: round > 0).ShouldBeTrue();
        _guest.Words(Table)[..4].ToArray().ShouldAllBe(entry => entry == 0);
        MemoryAudit.Run(_guest.Domain).ShouldBeEmpty();
    }

    [Fact]
    public void A_store_to_a_table_above_level_1_faults()
    {
        var level2 = new Pfn(0x303);
        _guest.Table(level2);
        _guest.Mmuext(MmuextCommand.PinL2Table, _guest.Frame(level2)).ShouldBe(0);
        Store(code => code.mov(__[rdi], rax), page: level2).ShouldBeFalse();
    }

    [Fact]
    public void A_store_to_read_only_data_faults()
    {
        _guest.Remap(Target, GuestRig.Present).ShouldBe(0);
        Store(code => code.mov(__[rdi], rax), page: Target).ShouldBeFalse();
    }

    [Fact]
    public void A_store_that_is_not_aligned_to_its_size_faults()
    {
        State.Rax = 0;
        Store(code => code.mov(__[rdi + 4], rax), offset: 4).ShouldBeFalse();
    }

    [Fact]
    public void An_operand_that_cannot_be_read_raises_its_own_fault()
    {
        State.Rsi = 0x1000;
        Store(code => code.movsq(), out CpuExit? raised).ShouldBeTrue();
        raised!.Value.FaultAddress.ShouldBe(0x1000UL);
    }

    private void SetEntry(int slot) =>
        _guest.MmuUpdate(GuestRig.Update(_guest.Frame(Table), slot, _guest.Entry(Target, Flags))).ShouldBe(0);

    private bool Store(Action<Assembler> write, ulong offset = 0, Pfn? page = null, bool keepRdi = false) =>
        Store(write, out _, offset, page, keepRdi);

    /// <summary>Puts an instruction at RIP, RDI at the table, and reports the fault that the store would have raised.</summary>
    private bool Store(Action<Assembler> write, out CpuExit? raised, ulong offset = 0, Pfn? page = null, bool keepRdi = false)
    {
        var assembler = new Assembler(64);
        write(assembler);
        var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), GuestRig.Address(Code).Value);
        _guest.Vcpu.TryWrite<byte>(GuestRig.Address(Code), stream.ToArray()).ShouldBeTrue();
        State.Rip = GuestRig.Address(Code).Value;
        if (!keepRdi)
            State.Rdi = GuestRig.Address(page ?? Table).Value;
        var fault = new CpuExit(CpuExitKind.Exception, Vector: 14, ErrorCode: 7, FaultAddress: State.Rdi + offset);
        return _guest.Memory.TryEmulateStore(_guest.Vcpu, fault, out raised);
    }
}
