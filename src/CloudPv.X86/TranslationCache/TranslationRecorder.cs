using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// Makes the cache's form of a CPU's latest translation: while the block is emitted it has its relocations noted, and of what was emitted it makes a <see cref="CachedTranslation"/>.
/// </summary>
internal sealed unsafe class TranslationRecorder
{
    private readonly CodeRegion _region;
    private readonly RelocationLog _log = new();
    private byte[] _buffer = new byte[64 << 10];
    private int _used;
    private int _hotTraps;
    private int _coldTraps;
    private int _windowAccesses;

    public TranslationRecorder(CodeRegion region)
    {
        _region = region;
        region.Assembler.Relocations = _log;
    }

    /// <summary>To be called before a block is emitted.</summary>
    public void Begin()
    {
        _log.Clear();
        _hotTraps = _region.HotTraps.Count;
        _coldTraps = _region.ColdTraps.Count;
        _windowAccesses = _region.WindowAccesses.Count;
    }

    /// <summary>False: it isn't one that can be put elsewhere, or is too large.</summary>
    public bool TryRecord(GuestBlock block, in Translation translation, TranslationTraits traits, uint hash, LookAhead lookAhead, out ReadOnlySpan<byte> record)
    {
        record = default;
        var hot = translation.IndirectEntry == null ? translation.Entry : translation.IndirectEntry;
        var hotLength = translation.HotEnd - hot;
        var coldLength = translation.ColdEnd - translation.Cold;
        if (block.Straddles || lookAhead.IsIncomplete || hotLength + coldLength > ushort.MaxValue || lookAhead.Bytes.Length > ushort.MaxValue)
            return false;
        _used = 0;
        Append(default(CachedHeader));
        var header = new CachedHeader
        {
            Hash = hash,
            PageOffset = (ushort)(block.Rip & 0xfff),
            Traits = traits,
            Instructions = (ushort)block.Count,
            UsesFpu = block.UsesFpu ? (byte)1 : (byte)0,
            UsesAvx = block.UsesAvx ? (byte)1 : (byte)0,
            Entry = (ushort)(translation.Entry - hot),
            HotLength = (ushort)hotLength,
            ColdLength = (ushort)coldLength,
            RangeBytes = (ushort)lookAhead.Bytes.Length,
            Ranges = (ushort)lookAhead.Ranges.Length,
        };
        foreach (var range in lookAhead.Ranges)
        {
            if (!TryRelate(range.Start, block.Rip, out var start))
                return false;
            Append(new CachedRange { Start = start, Length = range.Length });
        }

        var parts = new Parts(hot, (int)hotLength, translation.Cold, (int)coldLength);
        if (!TryAppendRelocations(in parts, block.Rip, out header.Relocations))
            return false;
        header.HotTraps = AppendTraps(_region.HotTraps, _hotTraps, hot, block.Rip);
        header.ColdTraps = AppendTraps(_region.ColdTraps, _coldTraps, translation.Cold, block.Rip);
        header.WindowAccesses = AppendWindowAccesses(in parts);
        Append(lookAhead.Bytes);
        Append(new ReadOnlySpan<byte>(hot, (int)hotLength));
        Append(new ReadOnlySpan<byte>(translation.Cold, (int)coldLength));
        var size = (_used + 7) & ~7;
        Append(stackalloc byte[size - _used]);
        header.Size = (uint)size;
        MemoryMarshal.Write(_buffer, in header);
        record = _buffer.AsSpan(0, size);
        return true;
    }

    private bool TryAppendRelocations(in Parts parts, ulong rip, out ushort count)
    {
        var start = _used;
        count = 0;
        foreach (var branch in _log.Branches)
        {
            var site = (byte*)branch;
            var target = site + 4 + *(int*)site;
            if (parts.IsHot(site) ? parts.IsHot(target) : parts.IsCold(target))
                continue;
            var (kind, operand) = parts.IsHot(target) ? (RelocationKind.ToHot, (int)(target - parts.Hot))
                : parts.IsCold(target) ? (RelocationKind.ToCold, (int)(target - parts.Cold)) : (RelocationKind.ToStub, (int)_region.OffsetOf(target));
            if (kind == RelocationKind.ToStub && (uint)operand >= _region.StubsSize)
                return false;
            Append(new CachedRelocation { Site = parts.Site(site), Kind = kind, Operand = operand });
        }

        foreach (var place in _log.Places)
        {
            var kind = place.Kind;
            int operand;
            if (kind == RelocationKind.SiteInHot)
            {
                var jump = (byte*)place.Value;
                var isHot = parts.IsHot(jump);
                kind = isHot ? RelocationKind.SiteInHot : RelocationKind.SiteInCold;
                operand = (int)(jump - (isHot ? parts.Hot : parts.Cold));
            }
            else if (kind == RelocationKind.AddressLow32)
            {
                operand = (int)((uint)place.Value - (uint)rip);
            }
            else if (!TryRelate(place.Value, rip, out operand))
            {
                return false;
            }

            Append(new CachedRelocation { Site = parts.Site((byte*)place.Site), Kind = kind, Operand = operand });
        }

        count = (ushort)((_used - start) / sizeof(CachedRelocation));
        return true;
    }

    private ushort AppendTraps(TrapMap map, int from, byte* code, ulong rip)
    {
        for (var index = from; index < map.Count; index++)
            Append(new CachedTrap { Host = (int)((byte*)map[index].Host - code), Rip = (int)(map[index].Rip - rip) });
        return (ushort)(map.Count - from);
    }

    private ushort AppendWindowAccesses(in Parts parts)
    {
        var accesses = _region.WindowAccesses;
        for (var index = _windowAccesses; index < accesses.Count; index++)
        {
            var access = accesses[index];
            Append(new CachedWindowAccess
            {
                Start = (ushort)((byte*)access.Start - parts.Hot),
                End = (ushort)((byte*)access.End - parts.Hot),
                SlowPath = (ushort)((byte*)access.SlowPath - parts.Cold),
                Slot = (short)access.Slot,
            });
        }

        return (ushort)(accesses.Count - _windowAccesses);
    }

    private static bool TryRelate(ulong address, ulong rip, out int difference)
    {
        difference = (int)(address - rip);
        return difference == (long)(address - rip);
    }

    private void Append<T>(T value)
        where T : unmanaged => Append(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (_used + bytes.Length > _buffer.Length)
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }

    /// <summary>The two parts of a block's code.</summary>
    private readonly struct Parts(byte* hot, int hotLength, byte* cold, int coldLength)
    {
        public byte* Hot { get; } = hot;

        public byte* Cold { get; } = cold;

        public bool IsHot(byte* address) => (ulong)(address - Hot) < (ulong)hotLength;

        public bool IsCold(byte* address) => (ulong)(address - Cold) < (ulong)coldLength;

        public ushort Site(byte* address) => (ushort)(IsHot(address) ? address - Hot : hotLength + (address - Cold));
    }
}
