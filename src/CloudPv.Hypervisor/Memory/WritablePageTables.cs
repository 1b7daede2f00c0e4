using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// Plain stores of a guest's kernel to its level-1 tables, which are mapped read-only (VMASST_TYPE_writable_pagetables): the store's instruction is carried out
/// here, with what it writes checked like any other update.
/// </summary>
internal sealed class WritablePageTables(DomainMemory memory, int vcpuCount)
{
    private readonly PageTableStore?[] _stores = new PageTableStore?[vcpuCount];

    /// <param name="vcpu">A vCPU in guest-kernel mode.</param>
    /// <param name="fault">A #PF of a write to a page that is present.</param>
    /// <returns>Whether the instruction was carried out, or another fault of it is to be raised instead (<paramref name="raised"/>).</returns>
    public bool TryEmulate(Vcpu vcpu, in CpuExit fault, out CpuExit? raised)
    {
        raised = null;
        if (!TryFindTable(vcpu, fault.FaultAddress, out Mfn table) || !vcpu.Instruction.TryDecode(vcpu, out Iced.Intel.Instruction instruction))
            return false;
        PageTableStore store = _stores[vcpu.Id] ??= new PageTableStore(vcpu);
        store.Begin(fault.FaultAddress, table);
        EmulationResult result = Emulator.Execute(ref vcpu.Cpu.State, instruction, store, vcpu.Descriptors);
        if (result.Status == EmulationStatus.Raised && !store.Refused)
            raised = result.Exit;
        return result.Status == EmulationStatus.Done || raised is not null;
    }

    /// <summary>The level-1 table that a linear address maps read-only.</summary>
    private bool TryFindTable(Vcpu vcpu, ulong address, out Mfn table)
    {
        table = default;
        using (memory.Change(vcpu))
        {
            if (!memory.Updates.TryFindEntry(vcpu.KernelRoot, address, out Mfn mapping, out int slot))
                return false;
            ulong entry = memory.Updates.Read(mapping, slot);
            table = PageTableEntry.Frame(entry);
            return PageTableEntry.IsPresent(entry) && !PageTableEntry.IsWritable(entry) && memory.IsTable(table, FrameType.L1);
        }
    }

    /// <summary>Memory as the emulated instruction sees it: all writes must be to the one page that faulted.</summary>
    private sealed class PageTableStore(Vcpu vcpu) : IEmulatorMemory
    {
        private const ulong PageMask = MachineMemory.FrameSize - 1;

        private ulong _page;
        private Mfn _table;

        /// <summary>Whether a write was wrong: the guest then sees the fault that it had in the first place.</summary>
        public bool Refused { get; private set; }

        public void Begin(ulong address, Mfn table)
        {
            _page = address & ~PageMask;
            _table = table;
            Refused = false;
        }

        public bool TryRead(ulong address, Span<byte> destination, out CpuExit fault) => vcpu.Cpu.TryRead(address, destination, out fault);

        public bool TryWrite(ulong address, ReadOnlySpan<byte> source, out CpuExit fault)
        {
            fault = default;
            Span<byte> padded = stackalloc byte[sizeof(ulong)];
            if (!IsEntryPart(address, source.Length))
                return Refuse();
            source.CopyTo(padded);
            ulong mask = Mask(source.Length), value = MemoryMarshal.Read<ulong>(padded);
            DomainMemory memory = vcpu.Domain.Memory;
            using (memory.Change(vcpu))
            {
                if (!memory.IsTable(_table, FrameType.L1))
                    return Refuse();
                int shift = Shift(address), slot = Slot(address);
                value = memory.Updates.Read(_table, slot) & ~(mask << shift) | value << shift;
                return memory.Updates.Change(_table, FrameType.L1, slot, value, preserveAccessed: false) == 0 || Refuse();
            }
        }

        public bool TryCompareExchange(ulong address, int size, UInt128 expected, UInt128 desired, out UInt128 actual, out CpuExit fault)
        {
            fault = default;
            actual = default;
            if (!IsEntryPart(address, size))
                return Refuse();
            DomainMemory memory = vcpu.Domain.Memory;
            using (memory.Change(vcpu))
            {
                if (!memory.IsTable(_table, FrameType.L1))
                    return Refuse();
                int shift = Shift(address), slot = Slot(address);
                ulong mask = Mask(size), rest = memory.Updates.Read(_table, slot) & ~(mask << shift);
                if (memory.Updates.ChangeIf(_table, slot, rest | (ulong)expected << shift, rest | (ulong)desired << shift, out ulong seen) != 0)
                    return Refuse();
                actual = seen >> shift & mask;
                return true;
            }
        }

        private bool IsEntryPart(ulong address, int size) =>
            (address & ~PageMask) == _page && size is 1 or 2 or 4 or 8 && address % (ulong)size == 0;

        private bool Refuse()
        {
            Refused = true;
            return false;
        }

        private static ulong Mask(int size) => size == 8 ? ulong.MaxValue : (1UL << (size * 8)) - 1;

        private static int Shift(ulong address) => (int)(address % sizeof(ulong)) * 8;

        private static int Slot(ulong address) => (int)(address & PageMask) / sizeof(ulong);
    }
}
