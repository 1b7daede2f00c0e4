namespace CloudPv.X86;

/// <summary>Translations from the <see cref="TranslationCache"/>, and into it.</summary>
public sealed unsafe partial class Cpu
{
    /// <summary>Of translations with one hash, so many of the last are tried.</summary>
    private const int MostTried = 16;

    /// <summary>Null: nothing is reused.</summary>
    private readonly TranslationRecorder? _recorder;

    /// <summary>The hot code of all blocks, one behind the other.</summary>
    internal ReadOnlySpan<byte> HotCode => new(_region.At(_region.StubsSize), (int)(_region.HotCursor - _region.At(_region.StubsSize)));

    /// <summary>Takes a translation made from the bytes that are at a block's address now, if there is one. The caller has seen to room in the region.</summary>
    private bool TryReuse(in BlockKey key, out Block block)
    {
        block = null!;
        if (_recorder == null || !IsReusable(key.Kind) || (key.Kind == BlockKind.Windowed && _windows!.Hints.IsApart(WindowHints.Place(key.Frame, key.Rip))) || _bus.Translations!.StubsSize != _region.StubsSize)
            return false;
        var page = CodeBytes(key.Rip, key.Frame);
        var traits = Traits(in key);
        var hash = TranslationCache.Hash(key.Rip, traits, page);
        var translations = _bus.Translations.Current;
        var tried = 0;
        for (var entry = translations.First(hash); entry != null && tried < MostTried; entry = translations.Next(entry))
        {
            if (entry->Hash != hash)
                continue;
            tried++;
            var candidate = new CachedTranslation(entry->Start);
            if (candidate.IsFor(key.Rip, traits) && candidate.Matches(key.Rip, page, Space.Fetcher) && TryPlace(in key, candidate, out block))
            {
                entry->Used = 1;
                break;
            }
        }

        GC.KeepAlive(translations);
        return block != null;
    }

    private bool TryPlace(in BlockKey key, CachedTranslation candidate, out Block block)
    {
        block = null!;

        var (hot, cold) = (_region.OffsetOf(_region.HotCursor), _region.OffsetOf(_region.ColdCursor));

        // Marked first, compared then, as in a translation.
        Hold(key.Frame);
        Mark(key.Rip, key.Frame, Block.NoFrame, candidate.Length);
        if (!candidate.MatchesBlock(CodeBytes(key.Rip, key.Frame)) || !candidate.TryPlace(key.Rip, _region, Space.Translation.JumpCache, out var translation))
        {
            ReleaseHeld(key.Frame, Block.NoFrame);
            return false;
        }

        _profile?.AddBlock(in key, _region.At(hot), _region.At(cold));
        block = new Block(key, candidate.Length, Block.NoFrame, candidate.Header.UsesFpu != 0, candidate.Header.UsesAvx != 0, translation.Entry, translation.IndirectEntry);
        _blocks.Add(block);
        Statistics.BlocksReused++;
        Statistics.InstructionsReused += candidate.Header.Instructions;
        return true;
    }

    /// <summary>Has noted from now on what the translation of the decoded block depends on.</summary>
    private void BeginRecording(BlockKind kind)
    {
        if (_recorder != null && IsReusable(kind))
            Space.Translation.Liveness.LookAhead.Begin(_guestBlock.Rip, _guestBlock.Bytes);
    }

    private void EndRecording(in BlockKey key, in Translation translation)
    {
        if (_recorder == null || !IsReusable(key.Kind))
            return;
        var traits = Traits(in key);
        var hash = TranslationCache.Hash(key.Rip, traits, CodeBytes(key.Rip, key.Frame));
        var lookAhead = Space.Translation.Liveness.LookAhead;
        if (_recorder.TryRecord(_guestBlock, in translation, traits, hash, lookAhead, out var record))
            _bus.Translations!.Add(record, _region.StubsSize);
        if (key.Kind == BlockKind.Windowed)
            _windows!.Hints.EndApart(WindowHints.Place(key.Frame, key.Rip));
        lookAhead.End();
    }

    private static bool IsReusable(BlockKind kind) => kind is BlockKind.Normal or BlockKind.Ungrouped or BlockKind.Windowed;

    private TranslationTraits Traits(in BlockKey key) => (key.Mode == CpuMode.User ? TranslationTraits.User : TranslationTraits.None)
        | (key.Kind switch { BlockKind.Ungrouped => TranslationTraits.Ungrouped, BlockKind.Windowed => TranslationTraits.Windowed, _ => TranslationTraits.None })
        | (Space.Translation.Liveness.AreDeadAtCalls ? TranslationTraits.DeadAtCalls : TranslationTraits.None);
}
