using Iced.Intel;

namespace CloudPv.X86.Tests;

/// <summary>A guest of a few megabytes with one set of page tables, and CPUs that share it. Code is assembled with Iced and mapped where a test says.</summary>
public sealed unsafe class TestGuest : IDisposable, ISegmentDescriptors
{
    public const ulong CodeAddress = 0x40_0000;
    public const ulong DataAddress = 0x60_0000;
    public const ulong StackTop = 0x7fff_0000_0000;

    private const ulong Frames = 8192;
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong NoExecute = 1ul << 63;

    private ulong _nextFrame = 1;
    private readonly List<Cpu> _cpus = [];

    public TestGuest(TranslatorOptions? options = null)
    {
        Memory = new MachineMemory(Frames);
        Memory.Back(0, Frames, "test guest");
        Bus = new CpuBus(Memory, options ?? new TranslatorOptions());
        Bus.SetAccess(0, Frames, FrameAccess.Read | FrameAccess.Write);
        Root = NewFrame();
        MapNew(StackTop - 0x10000, 16);
        MapNew(DataAddress, 16);
    }

    public MachineMemory Memory { get; }

    public CpuBus Bus { get; }

    public ulong Root { get; }

    public ulong NewFrame() => _nextFrame++;

    public Cpu NewCpu(CpuProfile? profile = null)
    {
        var cpu = new Cpu(Bus, _cpus.Count, this, profile);
        cpu.SetPageTable(CpuMode.Kernel, Root);
        cpu.SetPageTable(CpuMode.User, Root);
        cpu.State.Rsp = StackTop - 0x1000 - (ulong)(_cpus.Count * 0x2000);
        cpu.State.Rip = CodeAddress;
        _cpus.Add(cpu);
        return cpu;
    }

    /// <summary>Maps a linear page to a frame in the tables under a root.</summary>
    public void Map(ulong address, ulong frame, bool writable = true, bool executable = true, ulong? root = null)
    {
        *Entry(address, root ?? Root) = (frame << 12) | Present | User | (writable ? Writable : 0) | (executable ? 0 : NoExecute);
    }

    public void Unmap(ulong address) => *Entry(address, Root) = 0;

    /// <summary>The page-table entry of a linear page.</summary>
    public ulong* Entry(ulong address, ulong root)
    {
        var table = root;
        for (var shift = 39; shift > 12; shift -= 9)
        {
            var slot = (ulong*)Memory.Frame(table) + ((address >> shift) & 511);
            if ((*slot & Present) == 0)
                *slot = (NewFrame() << 12) | Present | Writable | User;
            table = (*slot & 0x000f_ffff_ffff_f000) >> 12;
        }

        return (ulong*)Memory.Frame(table) + ((address >> 12) & 511);
    }

    public void MapNew(ulong address, int pages)
    {
        for (var page = 0; page < pages; page++)
            Map(address + ((ulong)page << 12), NewFrame());
    }

    /// <summary>The host address of a mapped linear address.</summary>
    public byte* Pointer(ulong address) => Memory.Frame((*Entry(address, Root) & 0x000f_ffff_ffff_f000) >> 12) + (address & 0xfff);

    public ref ulong Data(int index) => ref *(ulong*)Pointer(DataAddress + (ulong)(8 * index));

    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        for (var index = 0; index < bytes.Length; index++)
            *Pointer(address + (ulong)index) = bytes[index];
    }

    /// <summary>Assembles code, maps pages for it where there are none, and puts it there.</summary>
    public byte[] Load(Action<Assembler> emit, ulong address = CodeAddress)
    {
        var bytes = Assemble(emit, address);
        for (var page = address & ~0xffful; page < address + (ulong)bytes.Length; page += 4096)
        {
            if ((*Entry(page, Root) & Present) == 0)
                Map(page, NewFrame());
        }

        Write(address, bytes);
        return bytes;
    }

    public static byte[] Assemble(Action<Assembler> emit, ulong address = CodeAddress)
    {
        var assembler = new Assembler(64);
        emit(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }

    public bool TryRead(ushort selector, out ulong descriptor)
    {
        descriptor = 0;
        return false;
    }

    public void Dispose()
    {
        foreach (var cpu in _cpus)
            cpu.Dispose();
        Bus.Dispose();
        Memory.Dispose();
    }
}
