namespace CloudPv.X86;

/// <summary>One CPU's translations, found by key and by the frames that they were made from.</summary>
internal sealed class BlockTable(CodeFrames code)
{
    private readonly Dictionary<BlockKey, Block> _blocks = [];
    private readonly Dictionary<ulong, List<Block>> _byFrame = [];

    /// <summary>What was found last, by address: what the run loop looks for after an exit is nearly always the same few blocks.</summary>
    private readonly Block?[] _recent = new Block?[1024];

    public int Count => _blocks.Count;

    public bool TryFind(in BlockKey key, out Block block)
    {
        ref var recent = ref Recent(key.Rip);
        if (recent is not null && recent.Key == key)
        {
            block = recent;
            return true;
        }

        if (!_blocks.TryGetValue(key, out block!))
            return false;
        recent = block;
        return true;
    }

    /// <summary>Adds a block; the caller holds its frames in <see cref="CodeFrames"/>, which <see cref="Remove"/> releases.</summary>
    public void Add(Block block)
    {
        _blocks.Add(block.Key, block);
        ListOf(block.Key.Frame).Add(block);
        if (block.NextFrame != Block.NoFrame)
            ListOf(block.NextFrame).Add(block);
    }

    public void Remove(Block block)
    {
        block.Unlink();
        _blocks.Remove(block.Key);
        if (Recent(block.Key.Rip) == block)
            Recent(block.Key.Rip) = null;
        Forget(block, block.Key.Frame);
        if (block.NextFrame != Block.NoFrame)
            Forget(block, block.NextFrame);
    }

    /// <summary>The blocks made from any of these bytes.</summary>
    public Block[] Overlapping(ulong frame, int offset, int length) =>
        _byFrame.TryGetValue(frame, out var blocks) ? [.. blocks.Where(block => block.Overlaps(frame, offset, length))] : [];

    public void Clear()
    {
        foreach (var block in _blocks.Values)
        {
            code.Release(block.Key.Frame);
            if (block.NextFrame != Block.NoFrame)
                code.Release(block.NextFrame);
        }

        _blocks.Clear();
        Array.Clear(_recent);
        _byFrame.Clear();
    }

    /// <summary>Gives back what room is left.</summary>
    public void TrimExcess()
    {
        _blocks.TrimExcess();
        _byFrame.TrimExcess();
    }

    private ref Block? Recent(ulong rip) => ref _recent[(int)(rip ^ (rip >> 10)) & (_recent.Length - 1)];

    private void Forget(Block block, ulong frame)
    {
        var blocks = _byFrame[frame];
        blocks.Remove(block);
        if (blocks.Count == 0)
            _byFrame.Remove(frame);
        code.Release(frame);
    }

    private List<Block> ListOf(ulong frame)
    {
        if (!_byFrame.TryGetValue(frame, out var blocks))
            _byFrame.Add(frame, blocks = []);
        return blocks;
    }
}
