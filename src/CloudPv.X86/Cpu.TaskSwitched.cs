namespace CloudPv.X86;

/// <summary>
/// CR0.TS. Translated code never asks for it: while it is set, a block that uses the FPU is entered from the run loop alone, which takes its translation without FPU.
/// Blocks that don't use the FPU are the same for both.
/// </summary>
public sealed unsafe partial class Cpu
{
    /// <summary>The blocks with FPU instructions that other translated code may have been led to since TS was last set.</summary>
    private readonly HashSet<Block> _enteredFpuBlocks = [];

    private bool _taskSwitched;

    /// <summary>While set, the next x87, MMX or SSE instruction raises #NM (SDM vol. 3, 2.5). To be touched as <see cref="State"/> is.</summary>
    public bool TaskSwitched
    {
        get => _taskSwitched;
        set
        {
            _taskSwitched = value;
            if (value)
                CutOffFpuBlocks();
        }
    }

    private void CutOffFpuBlocks()
    {
        foreach (var block in _enteredFpuBlocks)
        {
            block.Unlink();
            _spaces[(int)block.Key.Mode].Forget(block);
        }

        _enteredFpuBlocks.Clear();
    }

    /// <summary>Makes the direct jump at <paramref name="site"/> lead to a block; one from another page (<paramref name="far"/>) as long as the pages stay where they are.</summary>
    private void LinkTo(Block block, byte* site, bool far)
    {
        NoteEntry(block);
        block.Link(site);
        if (far)
            Space.AddFarLink(block, site);
    }

    private void NoteEntry(Block block)
    {
        if (block.UsesFpu)
            _enteredFpuBlocks.Add(block);
    }
}
