namespace CloudPv.X86;

/// <summary>Translations: looked up by address and frame, made where missing, dropped when their code is written.</summary>
public sealed unsafe partial class Cpu
{
    private bool TryFindBlock(ulong rip, BlockKind kind, out Block block, out CpuExit fault)
    {
        var fetcher = Space.Fetcher;
        block = null!;
        if (!fetcher.TryFetch(rip, out var frame, out fault))
            return false;
        var key = new BlockKey(rip, frame, Mode, kind);
        if (_blocks.TryFind(in key, out block))
        {
            if (block.NextFrame == Block.NoFrame)
                return true;
            if (!fetcher.TryFetch(NextPage(rip), out var nextFrame, out fault))
                return false;
            if (block.NextFrame == nextFrame)
                return true;
            Drop(block);
        }

        _context->Activity = (int)ProfileKind.Translation;
        var translated = TryTranslate(in key, out block, out fault);
        _context->Activity = (int)ProfileKind.RunLoop;
        return translated;
    }

    private bool TryTranslate(in BlockKey key, out Block block, out CpuExit fault)
    {
        if (_region.IsFull)
            DropAllBlocks();
        fault = default;
        if (TryReuse(in key, out block))
            return true;
        while (true)
        {
            var nextFrame = Block.NoFrame;
            Hold(key.Frame);
            if (!TryDecodeBlock(in key, ref nextFrame, out fault))
            {
                ReleaseHeld(key.Frame, nextFrame);
                return false;
            }

            // Marked first, compared then: a write in between is seen by one or the other.
            var length = (int)(_guestBlock.End - key.Rip);
            Mark(key.Rip, key.Frame, nextFrame, length);
            if (!IsUnchanged(key.Rip, key.Frame, nextFrame))
            {
                ReleaseHeld(key.Frame, nextFrame);
                continue;
            }

            BeginRecording(key.Kind);
            if (CallReturnsFlags())
                DropAllBlocks();
            _recorder?.Begin();
            _profile?.AddBlock(in key, _region.HotCursor, _region.ColdCursor);
            var translation = _translator.Translate(new TranslationRequest(key.Mode, key.Kind, key.Frame, nextFrame));
            EndRecording(in key, in translation);
            block = new Block(key, length, nextFrame, _guestBlock.UsesFpu, _guestBlock.UsesAvx, translation.Entry, translation.IndirectEntry);
            _blocks.Add(block);
            Statistics.BlocksTranslated++;
            Statistics.InstructionsTranslated += _guestBlock.Count;
            return true;
        }
    }

    private bool TryDecodeBlock(in BlockKey key, ref ulong nextFrame, out CpuExit fault)
    {
        fault = default;
        var page = CodeBytes(key.Rip, key.Frame);
        var limit = key.Kind is BlockKind.SingleStep or BlockKind.WithoutAvx ? 1 : GuestBlock.LongestBlock;
        if (_guestBlock.TryDecode(key.Rip, page, limit))
            return true;
        if (!Space.Fetcher.TryFetch(NextPage(key.Rip), out var next, out fault))
            return false;
        Hold(next);
        nextFrame = next;
        _guestBlock.DecodeStraddling(key.Rip, page, CodeBytes(NextPage(key.Rip), next));
        return true;
    }

    /// <summary>Whether the call that ends the block has flags read behind it. Where a branch leads around it to that place, they are the branch's, and the call doesn't return.</summary>
    private bool CallReturnsFlags()
    {
        var treatment = _guestBlock.Form(_guestBlock.Count - 1).Treatment;
        return treatment is Treatment.Call or Treatment.CallIndirect && !_guestBlock.HasBranchTo(_guestBlock.End) && Space.Translation.Liveness.FindsFlagsBroughtTo(_guestBlock.End);
    }

    private ReadOnlySpan<byte> CodeBytes(ulong rip, ulong frame)
    {
        var offset = (int)(rip & 0xfff);
        return new ReadOnlySpan<byte>(_bus.Memory.Frame(frame) + offset, MachineMemory.FrameSize - offset);
    }

    private void Mark(ulong rip, ulong frame, ulong nextFrame, int length)
    {
        var offset = (int)(rip & 0xfff);
        var here = Math.Min(length, MachineMemory.FrameSize - offset);
        _bus.Code.Mark(frame, offset, here);
        if (nextFrame != Block.NoFrame)
            _bus.Code.Mark(nextFrame, 0, Math.Max(1, length - here));
    }

    private bool IsUnchanged(ulong rip, ulong frame, ulong nextFrame)
    {
        var decoded = _guestBlock.Bytes;
        var here = CodeBytes(rip, frame);
        var count = Math.Min(decoded.Length, here.Length);
        return here.StartsWith(decoded[..count]) && (nextFrame == Block.NoFrame || CodeBytes(NextPage(rip), nextFrame).StartsWith(decoded[count..]));
    }

    /// <summary>Makes a frame one that nobody writes without our seeing it.</summary>
    private void Hold(ulong frame)
    {
        if (!_bus.Code.Hold(frame))
            return;
        WithdrawWriteTags(frame);
        Mailbox.EndRunning();
        _bus.WithdrawWriteTags(frame, this);
        BeginRunning();
        _bus.Code.SetProtected(frame);
    }

    private void ReleaseHeld(ulong frame, ulong nextFrame)
    {
        _bus.Code.Release(frame);
        if (nextFrame != Block.NoFrame)
            _bus.Code.Release(nextFrame);
    }

    private void DropBlocks(CodeWrite write)
    {
        foreach (var block in _blocks.Overlapping(write.Frame, write.Offset, write.Length))
            Drop(block);
    }

    private void Drop(Block block)
    {
        Statistics.BlocksInvalidated++;
        _spaces[(int)block.Key.Mode].Forget(block);
        _enteredFpuBlocks.Remove(block);
        _blocks.Remove(block);
    }

    private void DropAllBlocks()
    {
        Statistics.CodeFlushes++;
        _generation++;
        _blocks.Clear();
        _enteredFpuBlocks.Clear();
        _profile?.DropBlocks();
        _region.Clear();
        foreach (var space in _spaces)
            space.ClearJumpCache();
    }

    /// <summary>
    /// Gives the memory of all translations back: nearly all of a boot's never run again. What does is translated anew, or reused. On the thread that runs this CPU, between runs.
    /// </summary>
    public void GiveTranslationsBack()
    {
        DropAllBlocks();
        _blocks.TrimExcess();
        _region.GiveBack();
    }

    /// <summary>The instruction that wrote code is done (or faulted): everyone's translations of what it wrote go.</summary>
    private void EndCodeWrite()
    {
        _writesCode = false;
        foreach (var write in _codeWrites)
            _bus.CodeWritten(write);
        _codeWrites.Clear();
    }

    private static ulong NextPage(ulong address) => (address | 0xfff) + 1;
}
