namespace CloudPv.X86;

/// <summary>What a CPU keeps of one mode's address space: its soft TLB, jump cache and instruction TLB, all dropped together.</summary>
internal sealed unsafe class AddressSpace
{
    private readonly Stubs _stubs;
    private readonly JumpCache _jumps;
    private readonly EntryCache _lostJumps;
    private readonly EntryCache _returns;
    private readonly ExecutedPages _executed;

    /// <summary>Direct jumps between pages, with the blocks that they lead to.</summary>
    private readonly List<(Block Block, nint Site)> _farLinks = [];

    public AddressSpace(CpuContext* context, CpuMode mode, CpuBus bus, Stubs stubs)
    {
        Tlb = new SoftTlb(context, mode, bus);
        _stubs = stubs;
        _lostJumps = new EntryCache(context, ContextLayout.LostJumps(mode), ContextLayout.LostJumpEntries);
        _returns = new EntryCache(context, ContextLayout.ReturnCache(mode), ContextLayout.ReturnEntries);
        Fetcher = new CodeFetcher(bus);
        _executed = new ExecutedPages(bus.Walker);
        Translation = new ModeTranslation(mode, new FlagLiveness(bus.Options, Fetcher));
        _jumps = new JumpCache(context, mode, JumpMiss);
    }

    public SoftTlb Tlb { get; }

    public CodeFetcher Fetcher { get; }

    public ModeTranslation Translation { get; }

    /// <summary>Lets indirect jumps and jumps between pages find a block.</summary>
    public void AddToJumpCache(Block block)
    {
        NoteExecuted(block);
        _jumps.Add(block);
        if (Translation.Liveness.AreDeadAtCalls)
            _lostJumps.Add(block);
    }

    /// <summary>Lets system calls and returns find a block.</summary>
    public void AddToReturnCache(Block block)
    {
        NoteExecuted(block);
        _returns.Add(block);
    }

    /// <summary>Takes a block out of all that leads to it but direct jumps.</summary>
    public void Forget(Block block)
    {
        if (block.IndirectEntry != null)
            _jumps.Remove(block);
        _lostJumps.Remove(block);
        _returns.Remove(block);
    }

    /// <summary>Notes a direct jump from another page: it holds as long as the jump cache does.</summary>
    public void AddFarLink(Block block, byte* site)
    {
        NoteExecuted(block);
        _farLinks.Add((block, (nint)site));
    }

    /// <summary>Empties the jump cache and those beside it, and undoes the direct jumps between pages.</summary>
    public void ClearJumpCache()
    {
        _jumps.Clear(JumpMiss);
        _lostJumps.Clear();
        _returns.Clear();
        foreach (var (block, site) in _farLinks)
            block.Unlink((byte*)site);
        _farLinks.Clear();
        _executed.Clear();
    }

    /// <summary>The search changes flags.</summary>
    private byte* JumpMiss => Translation.Liveness.AreDeadAtCalls ? _stubs.SearchJump(Translation.Mode) : _stubs.Leave(LeaveReason.JumpCacheMiss);

    private void NoteExecuted(Block block)
    {
        if (!_executed.HasRoom)
            ClearJumpCache();
        _executed.Add(block.Key.Rip, block.Key.Frame);
        if (block.NextFrame != Block.NoFrame)
            _executed.Add(block.Key.Rip + MachineMemory.FrameSize, block.NextFrame);
    }

    public void Flush()
    {
        Tlb.Flush(Fetcher.Root);
        if (Fetcher.IsUnchanged)
            return;
        Fetcher.Flush();
        if (!_executed.AreUnchanged(Fetcher))
            ClearJumpCache();
    }

    public void Flush(ulong address)
    {
        if (Fetcher.IsInLargePage(address))
        {
            Flush();
            return;
        }

        Tlb.FlushPage(address);
        if (Fetcher.IsUnchanged)
            return;
        Fetcher.Flush(address);
        if (_executed.Contains(address) && !_executed.AreUnchanged(Fetcher))
            ClearJumpCache();
    }
}
