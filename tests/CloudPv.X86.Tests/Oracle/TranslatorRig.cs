namespace CloudPv.X86.Tests.Oracle;

/// <summary>The arena in machine memory behind page tables, and one CPU of ours that runs cases in it.</summary>
internal sealed unsafe class TranslatorRig : IDisposable
{
    private const int ArenaFrame = 32;
    private const int FrameCount = 64;
    private const int RootFrame = 1;
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong NoExecute = 1ul << 63;

    private readonly MachineMemory _memory = new(FrameCount);
    private readonly CpuBus _bus;
    private readonly Cpu _cpu;
    private readonly bool _opensWindows;
    private int _runs;
    private int _kicks;
    private ulong _nextTable = RootFrame + 1;

    /// <param name="opensWindows">Whether memory is accessed through windows from the start.</param>
    public TranslatorRig(string name, TranslatorOptions options, bool opensWindows = false, CpuMode mode = CpuMode.User)
    {
        Name = name;
        _opensWindows = opensWindows;
        Options = options;
        _memory.Back(0, FrameCount, "translator-rig");
        _bus = new CpuBus(_memory, options);
        _bus.SetAccess(0, ArenaFrame, FrameAccess.Read);
        _bus.SetAccess(ArenaFrame, Arena.PageCount, FrameAccess.Read | FrameAccess.Write);
        MapArena(Arena.Low);
        MapArena(Arena.High);
        _cpu = new Cpu(_bus, 0, new LinuxDescriptors()) { Mode = mode };
        _cpu.SetPageTable(mode, RootFrame);
    }

    public string Name { get; }

    public TranslatorOptions Options { get; }

    // SAFETY: the rig backs these frames in one piece.
    public Span<byte> Memory => new(_memory.Frame(ArenaFrame), Arena.Size);

    /// <summary>Every switch alone off, all on, all off.</summary>
    public static TranslatorRig[] All(CpuMode mode)
    {
        var on = new TranslatorOptions();
        return
        [
            new("all on", on, mode: mode),
            new("windows", on, opensWindows: true, mode: mode),
            new("windows alone", TranslatorOptions.None with { HostWindows = true }, opensWindows: true, mode: mode),
            new("all off", TranslatorOptions.None, mode: mode),
            new("no flag liveness", on with { FlagLiveness = false }, mode: mode),
            new("no access grouping", on with { AccessGrouping = false }, mode: mode),
            new("no chaining", on with { Chaining = false }, mode: mode),
            new("no jump cache", on with { JumpCache = false }, mode: mode),
            new("no superblocks", on with { Superblocks = false }, mode: mode),
            new("no ABI flags", on with { AbiFlags = false }, mode: mode),
            new("no string stubs", on with { StringStubs = false }, mode: mode),
            new("no held registers", on with { HeldRegisters = false }, mode: mode),
        ];
    }

    public CpuExit Run(ref CpuState state, ReadOnlySpan<byte> memory)
    {
        memory.CopyTo(Memory);
        for (var page = 0ul; page < Arena.CodeSize / Arena.PageSize; page++)
            _bus.CodeWritten(ArenaFrame + page);
        // Misses are as much of a test as hits.
        if (_runs++ % 3 == 0)
            _cpu.FlushTlb();
        _cpu.State = state;
        _cpu.TaskSwitched = false;
        if (_opensWindows)
            _cpu.OpenWindows();
        var exit = _cpu.Run();
        while (IsDisturbance(exit))
            exit = _cpu.Run();
        state = _cpu.State;
        return exit;
    }

    public void Kick() => _cpu.Kick();

    /// <summary>Whether it was a kick, at which something more happens that code doesn't see: a flush, the loss of its translations, CR0.TS; or what came of that.</summary>
    private bool IsDisturbance(CpuExit exit)
    {
        const byte noFpu = 7;
        if (exit.Kind == CpuExitKind.Exception && exit.Vector == noFpu && _cpu.TaskSwitched)
        {
            _cpu.TaskSwitched = false;
            return true;
        }

        if (exit.Kind != CpuExitKind.Kicked)
            return false;
        switch (_kicks++ % 5)
        {
            case 0:
                _cpu.FlushTlb();
                break;
            case 1:
                _cpu.FlushTlb(_cpu.State.Rip);
                break;
            case 2:
                _bus.CodeWritten(ArenaFrame);
                break;
            case 3:
                _cpu.TaskSwitched = true;
                break;
        }

        return true;
    }

    public void Dispose()
    {
        _cpu.Dispose();
        _memory.Dispose();
    }

    private void MapArena(ulong start)
    {
        for (var page = 0; page < Arena.PageCount; page++)
        {
            var rights = Arena.Rights(page);
            if (rights == PageRights.None)
                continue;
            var entry = ((ulong)(ArenaFrame + page) << MachineMemory.FrameShift) | Present | User;
            if (rights.HasFlag(PageRights.Write))
                entry |= Writable;
            if (!rights.HasFlag(PageRights.Execute))
                entry |= NoExecute;
            Map(start + ((ulong)page * Arena.PageSize), entry);
        }
    }

    private void Map(ulong address, ulong entry)
    {
        var table = (ulong)RootFrame;
        for (var level = 3; level > 0; level--)
        {
            ref var slot = ref Slot(table, (int)(address >> (12 + (9 * level))) & 511);
            if (slot == 0)
                slot = (_nextTable++ << MachineMemory.FrameShift) | Present | Writable | User;
            table = (slot & ~NoExecute) >> MachineMemory.FrameShift;
        }

        Slot(table, (int)(address >> 12) & 511) = entry;
    }

    // SAFETY: a slot of 512 in a frame below the arena's.
    private ref ulong Slot(ulong table, int index) => ref ((ulong*)_memory.Frame(table))[index];
}
