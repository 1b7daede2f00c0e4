using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>A domain that never runs, whose vCPU 0 makes the hypercalls that a test says. Its first 4 MiB are mapped from <see cref="TestKernel.VirtualBase"/> on.</summary>
internal sealed class GuestRig : IDisposable
{
    public const ulong Present = PageTableEntry.Present, Writable = PageTableEntry.Writable, User = PageTableEntry.User;

    /// <summary>Where the rig puts the arguments of hypercalls.</summary>
    private static readonly Pfn ArgumentPage = new(0x3f0);

    private static readonly Pfn CounterPage = new(0x3f1);

    private readonly Host _host = new(new HostOptions());

    public GuestRig()
    {
        Domain = Domain.Build(_host, new DomainConfig { Id = new(1), Name = "rig", Kernel = new TestKernel().Build(), MemoryMiB = 16 });
        Vcpu = Domain.Vcpus[0];
    }

    public Domain Domain { get; }

    public Vcpu Vcpu { get; }

    public DomainMemory Memory => Domain.Memory;

    /// <summary>The machine frame of a page that the domain was built with.</summary>
    public Mfn Frame(Pfn page) => Memory.InitialFrame(page);

    public static GuestVirtual Address(Pfn page) => new(TestKernel.VirtualBase + (page.Value << 12));

    /// <summary>An entry that maps a page.</summary>
    public ulong Entry(Pfn page, ulong flags) => Frame(page).Value << 12 | flags;

    public unsafe Span<ulong> Words(Mfn frame) => new(Memory.Pointer(frame), 512);

    public Span<ulong> Words(Pfn page) => Words(Frame(page));

    /// <summary>The entry that maps a linear address.</summary>
    public ulong EntryAt(GuestVirtual address)
    {
        Memory.Updates.TryFindEntry(Vcpu.KernelRoot, address.Value, out Mfn table, out int slot).ShouldBeTrue();
        return Memory.Updates.Read(table, slot);
    }

    public long MmuUpdate(params MmuUpdateRequest[] requests)
    {
        Vcpu.TryWrite<MmuUpdateRequest>(Address(ArgumentPage), requests).ShouldBeTrue();
        return Hypervisor.MmuUpdate.Handle(
            Vcpu, new(Address(ArgumentPage).Value, (ulong)requests.Length, Address(CounterPage).Value, SpecialDomain.Self));
    }

    /// <summary>What the last batched hypercall said it did.</summary>
    public uint Done
    {
        get
        {
            Vcpu.TryRead(Address(CounterPage), out uint done).ShouldBeTrue();
            return done;
        }
    }

    public static MmuUpdateRequest Update(Mfn table, int slot, ulong value, MmuUpdateCommand command = MmuUpdateCommand.NormalPtUpdate) =>
        new() { Ptr = table.Value << 12 | (ulong)slot * 8 | (ulong)command, Val = value };

    public long Mmuext(MmuextCommand command, Mfn frame) => Mmuext(new MmuextOperation { Cmd = command, Mfn = frame.Value });

    public long Mmuext(params MmuextOperation[] operations)
    {
        Vcpu.TryWrite<MmuextOperation>(Address(ArgumentPage), operations).ShouldBeTrue();
        return MmuextOp.Handle(Vcpu, new(Address(ArgumentPage).Value, (ulong)operations.Length, Address(CounterPage).Value, SpecialDomain.Self));
    }

    public long Remap(Pfn page, ulong flags) => UpdateVaMapping(Address(page), Entry(page, flags));

    public long UpdateVaMapping(GuestVirtual address, ulong entry, ulong flush = UvmFlags.Invlpg) =>
        Hypervisor.UpdateVaMapping.Handle(Vcpu, new(address.Value, entry, flush));

    public long MemoryOp<T>(MemoryCommand command, ref T argument) where T : unmanaged
    {
        Vcpu.TryWrite(Address(ArgumentPage), argument).ShouldBeTrue();
        long result = Hypervisor.MemoryOp.Handle(Vcpu, new((ulong)command, Address(ArgumentPage).Value));
        Vcpu.TryRead(Address(ArgumentPage), out argument).ShouldBeTrue();
        return result;
    }

    /// <summary>Makes an empty page table of a page: nothing maps it writable any more.</summary>
    public Mfn Table(Pfn page)
    {
        Words(page).Clear();
        Remap(page, Present).ShouldBe(0);
        return Frame(page);
    }

    /// <summary>Every reference and type reference of the domain's frames, to be compared before and after.</summary>
    public List<(uint References, uint TypeReferences)> Counts() =>
        [.. Enumerable.Range(0, 0x1000).Select(page => Memory.Info(Frame(new((ulong)page)))).Select(info => (info.References, info.TypeReferences))];

    public void Dispose() => _host.Dispose();
}
