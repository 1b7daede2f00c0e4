using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>What a translation is made for: all that must agree beside the guest's bytes.</summary>
[Flags]
internal enum TranslationTraits : ushort
{
    None = 0,
    User = 1,
    Ungrouped = 2,

    /// <summary>Flags are taken to be dead at calls.</summary>
    DeadAtCalls = 4,

    /// <summary>Memory is accessed through windows.</summary>
    Windowed = 8,
}

/// <summary>
/// The fixed part of a translation in the cache. Behind it stand the guest ranges that it depends on (the first is the block), its relocations, its traps (hot, then cold),
/// its accesses through windows, the bytes of the ranges, and its hot and its cold code.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CachedHeader
{
    /// <summary>Bytes in all, a multiple of 8.</summary>
    public uint Size;

    public uint Hash;

    /// <summary>Where in its page the block begins.</summary>
    public ushort PageOffset;

    public TranslationTraits Traits;
    public ushort Instructions;

    /// <summary>1 if one of the instructions raises #NM while CR0.TS is set, else 0.</summary>
    public byte UsesFpu;

    /// <summary>1 if one of them raises #UD while XCR0 lacks the state of AVX, else 0.</summary>
    public byte UsesAvx;

    public ushort Ranges;
    public ushort Relocations;
    public ushort HotTraps;
    public ushort ColdTraps;
    public ushort WindowAccesses;
    public ushort RangeBytes;

    /// <summary>The offset of the block's entry in its hot code.</summary>
    public ushort Entry;
    public ushort HotLength;
    public ushort ColdLength;

    /// <summary>To a multiple of 4.</summary>
    public ushort Unused;
}

/// <summary>Guest bytes, relative to the block's address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CachedRange
{
    public int Start;
    public int Length;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CachedRelocation
{
    /// <summary>The offset of the place in the hot code and, beyond its end, the cold code.</summary>
    public ushort Site;

    public RelocationKind Kind;
    public byte Unused;
    public int Operand;
}

/// <summary>Host code that may trap, and its guest instruction relative to the block's address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CachedTrap
{
    /// <summary>The offset in the hot or cold code.</summary>
    public int Host;

    public int Rip;
}

/// <summary>A <see cref="WindowAccess"/>, by the offsets of its beginning and its end in the hot code, and of its slow path in the cold code.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CachedWindowAccess
{
    public ushort Start;
    public ushort End;
    public ushort SlowPath;
    public short Slot;
}

/// <summary>A translation in the cache, which can be put at any place of a code region for the same guest bytes at another address.</summary>
internal readonly unsafe struct CachedTranslation(byte* start)
{
    public const int LargestSize = 1 << 20;

    private readonly byte* _start = start;

    public ref readonly CachedHeader Header => ref *(CachedHeader*)_start;

    public byte* Start => _start;

    /// <summary>The guest bytes of the block.</summary>
    public int Length => Ranges[0].Length;

    private CachedRange* Ranges => (CachedRange*)(_start + sizeof(CachedHeader));

    private CachedRelocation* Relocations => (CachedRelocation*)(Ranges + Header.Ranges);

    private CachedTrap* Traps => (CachedTrap*)(Relocations + Header.Relocations);

    private CachedWindowAccess* WindowAccesses => (CachedWindowAccess*)(Traps + Header.HotTraps + Header.ColdTraps);

    private byte* RangeBytes => (byte*)(WindowAccesses + Header.WindowAccesses);

    private byte* Code => RangeBytes + Header.RangeBytes;

    public bool IsFor(ulong rip, TranslationTraits traits) => Header.PageOffset == (rip & 0xfff) && Header.Traits == traits;

    /// <summary>Whether all bytes that the translation depends on are there for a block at <paramref name="rip"/>, whose own bytes begin <paramref name="page"/>.</summary>
    public bool Matches(ulong rip, ReadOnlySpan<byte> page, CodeFetcher fetcher)
    {
        var bytes = RangeBytes;
        for (var index = 0; index < Header.Ranges; index++)
        {
            var range = Ranges[index];
            var there = index == 0 ? page : fetcher.Peek(rip + (ulong)range.Start);
            if (!there.StartsWith(new ReadOnlySpan<byte>(bytes, range.Length)))
                return false;
            bytes += range.Length;
        }

        return true;
    }

    /// <summary>Whether the block's own bytes, only, are those at the start of <paramref name="page"/>.</summary>
    public bool MatchesBlock(ReadOnlySpan<byte> page) => page.StartsWith(new ReadOnlySpan<byte>(RangeBytes, Length));

    /// <summary>Puts the code at a region's cursors. False, with nothing changed: an address at <paramref name="rip"/> doesn't fit where one was.</summary>
    public bool TryPlace(ulong rip, CodeRegion region, int jumpCache, out Translation translation)
    {
        ref readonly var header = ref Header;
        var hot = region.HotCursor;
        var cold = region.ColdCursor;
        NativeMemory.Copy(Code, hot, header.HotLength);
        NativeMemory.Copy(Code + header.HotLength, cold, header.ColdLength);
        translation = default;
        for (var index = 0; index < header.Relocations; index++)
        {
            var relocation = Relocations[index];
            var site = relocation.Site < header.HotLength ? hot + relocation.Site : cold + (relocation.Site - header.HotLength);
            if (!TryRelocate(relocation, site, hot, cold, rip, region, jumpCache))
                return false;
        }

        AddTraps(Traps, header.HotTraps, hot, rip, region.HotTraps);
        AddTraps(Traps + header.HotTraps, header.ColdTraps, cold, rip, region.ColdTraps);
        for (var index = 0; index < header.WindowAccesses; index++)
        {
            var access = WindowAccesses[index];
            region.WindowAccesses.Add(new WindowAccess((nint)hot + access.Start, (nint)hot + access.End, (nint)cold + access.SlowPath, access.Slot));
        }

        region.Keep(header.HotLength, header.ColdLength);
        var indirectEntry = (header.Traits & TranslationTraits.Ungrouped) == TranslationTraits.None ? hot : null;
        translation = new Translation(hot + header.Entry, indirectEntry, hot + header.HotLength, cold, cold + header.ColdLength);
        return true;
    }

    /// <summary>
    /// Whether a translation within <paramref name="available"/> bytes holds together: every count and offset leads to a place inside it, or inside the stubs. The code itself
    /// can't be judged.
    /// </summary>
    public bool IsSound(long available, uint stubsSize)
    {
        if (available < sizeof(CachedHeader))
            return false;
        ref readonly var header = ref Header;
        var size = sizeof(CachedHeader) + (8L * (header.Ranges + header.Relocations + header.HotTraps + header.ColdTraps + header.WindowAccesses)) + header.RangeBytes + header.HotLength + header.ColdLength;
        if (header.Size != ((size + 7) & ~7L) || header.Size > available || header.Ranges == 0 || header.PageOffset >= MachineMemory.FrameSize || header.Entry >= header.HotLength)
            return false;
        return AreRangesSound() && AreRelocationsSound(stubsSize) && AreTrapsSound(Traps, header.HotTraps, header.HotLength)
            && AreTrapsSound(Traps + header.HotTraps, header.ColdTraps, header.ColdLength) && AreWindowAccessesSound();
    }

    private static void AddTraps(CachedTrap* traps, int count, byte* code, ulong rip, TrapMap map)
    {
        for (var index = 0; index < count; index++)
            map.Add(code + traps[index].Host, rip + (ulong)traps[index].Rip);
    }

    private static bool TryRelocate(CachedRelocation relocation, byte* site, byte* hot, byte* cold, ulong rip, CodeRegion region, int jumpCache)
    {
        var address = rip + (ulong)relocation.Operand;
        switch (relocation.Kind)
        {
            case RelocationKind.ToHot:
                HostAssembler.Patch(site, hot + relocation.Operand);
                return true;
            case RelocationKind.ToCold:
                HostAssembler.Patch(site, cold + relocation.Operand);
                return true;
            case RelocationKind.ToStub:
                HostAssembler.Patch(site, region.At((uint)relocation.Operand));
                return true;
            case RelocationKind.Address64:
                return TryPut64(site, address);
            case RelocationKind.AddressUnsigned32:
                return TryPutUnsigned32(site, address);
            case RelocationKind.AddressSigned32:
                return TryPutSigned32(site, address);
            case RelocationKind.AddressLow32:
                *(uint*)site = (uint)address;
                return true;
            case RelocationKind.Negated64:
                return TryPut64(site, 0 - address);
            case RelocationKind.NegatedUnsigned32:
                return TryPutUnsigned32(site, 0 - address);
            case RelocationKind.NegatedSigned32:
                return TryPutSigned32(site, 0 - address);
            case RelocationKind.Access:
                *(ulong*)site = new AccessDescription(*(ulong*)site).At(address).Bits;
                return true;
            case RelocationKind.JumpCacheSlot:
                *(int*)site = jumpCache + (JumpCache.Slot(address) * 8);
                return true;
            case RelocationKind.SiteInHot:
                *(uint*)site = region.OffsetOf(hot + relocation.Operand);
                return true;
            default:
                *(uint*)site = region.OffsetOf(cold + relocation.Operand);
                return true;
        }
    }

    // The length of an encoding stays as it is, and with it the choice among the three.
    private static bool TryPut64(byte* site, ulong value)
    {
        *(ulong*)site = value;
        return true;
    }

    private static bool TryPutUnsigned32(byte* site, ulong value)
    {
        *(uint*)site = (uint)value;
        return value <= uint.MaxValue;
    }

    private static bool TryPutSigned32(byte* site, ulong value)
    {
        *(int*)site = (int)value;
        return (long)value == (int)value;
    }

    private bool AreRangesSound()
    {
        long bytes = 0;
        for (var index = 0; index < Header.Ranges; index++)
        {
            var length = Ranges[index].Length;
            if (length is <= 0 or > MachineMemory.FrameSize)
                return false;
            bytes += length;
        }

        return bytes == Header.RangeBytes && Ranges[0].Start == 0 && Ranges[0].Length + Header.PageOffset <= MachineMemory.FrameSize;
    }

    private bool AreRelocationsSound(uint stubsSize)
    {
        for (var index = 0; index < Header.Relocations; index++)
        {
            var relocation = Relocations[index];
            var width = relocation.Kind is RelocationKind.Address64 or RelocationKind.Negated64 or RelocationKind.Access ? 8 : 4;
            var end = relocation.Site < Header.HotLength ? Header.HotLength : Header.HotLength + Header.ColdLength;
            var limit = relocation.Kind switch
            {
                RelocationKind.ToHot or RelocationKind.SiteInHot => Header.HotLength,
                RelocationKind.ToCold or RelocationKind.SiteInCold => Header.ColdLength,
                RelocationKind.ToStub => stubsSize,
                _ => long.MaxValue,
            };
            if (relocation.Site + width > end || relocation.Kind > RelocationKind.SiteInCold || (limit != long.MaxValue && (uint)relocation.Operand >= limit))
                return false;
        }

        return true;
    }

    private bool AreWindowAccessesSound()
    {
        var least = 0;
        for (var index = 0; index < Header.WindowAccesses; index++)
        {
            var access = WindowAccesses[index];
            if (access.Start < least || access.End < access.Start || access.End > Header.HotLength || access.SlowPath >= Header.ColdLength || access.Slot is < -1 or >= WindowSlots.Count)
                return false;
            least = access.End;
        }

        return true;
    }

    private static bool AreTrapsSound(CachedTrap* traps, int count, int length)
    {
        var least = 0;
        for (var index = 0; index < count; index++)
        {
            if (traps[index].Host < least || traps[index].Host > length)
                return false;
            least = traps[index].Host;
        }

        return true;
    }
}
