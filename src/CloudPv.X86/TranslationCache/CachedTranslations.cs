using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// The memory of a <see cref="TranslationCache"/>: translations one behind the other, those of a file in front, and a hash table of them. One thread adds at a time, others
/// may look meanwhile. Committed as it is touched, and given back when nobody refers to this object any more.
/// </summary>
internal sealed unsafe class CachedTranslations : IDisposable
{
    /// <summary>The most bytes of translations that are added.</summary>
    public const int Capacity = 64 << 20;

    /// <summary>The most translations.</summary>
    private const int Entries = 1 << 18;

    private const int Buckets = 1 << 16;
    private const ulong TableSize = (Buckets * sizeof(int)) + ((ulong)Entries * 24);

    private readonly MappedPages _memory = new(Capacity);
    private readonly MappedPages _table = new(TableSize);
    private readonly int* _buckets;
    private readonly Entry* _entries;
    private readonly MappedPages? _file;
    private int _count;
    private int _used;

    public CachedTranslations()
    {
        _buckets = (int*)_table.Start;
        _entries = (Entry*)(_buckets + Buckets);
    }

    /// <summary>Begins with what a file holds. Throws <see cref="InvalidDataException"/> where that isn't one sound translation behind the other.</summary>
    /// <param name="offset">Where in the file the first one begins.</param>
    public CachedTranslations(MappedPages file, int offset, uint stubsSize)
        : this()
    {
        _file = file;
        var end = (long)file.Size;
        for (long position = offset; position < end;)
        {
            var translation = new CachedTranslation(file.Start + position);
            if (_count == Entries || !translation.IsSound(end - position, stubsSize))
                throw new InvalidDataException($"the translation at byte {position} is unsound");
            Enter(translation.Start);
            position += translation.Header.Size;
        }

        FileCount = _count;
    }

    private CachedTranslations(CachedTranslations other)
        : this()
    {
        _file = other._file;
        for (var index = 0; index < other.FileCount; index++)
        {
            Enter(other._entries[index].Start);
            _entries[index].Used = other._entries[index].Used;
        }

        FileCount = other.FileCount;
    }

    /// <summary>How many of them, the first ones, are a file's.</summary>
    public int FileCount { get; }

    public int Count => Volatile.Read(ref _count);

    public long Size => Volatile.Read(ref _used) + (long)(_file?.Size ?? 0);

    /// <summary>Those of the file alone.</summary>
    public CachedTranslations WithoutAdded() => new(this);

    /// <summary>The latest translation that may have a hash; null if there is none.</summary>
    public Entry* First(uint hash) => At(Volatile.Read(ref _buckets[hash % Buckets]));

    /// <summary>The one before it in the same chain.</summary>
    public Entry* Next(Entry* entry) => At(entry->Next);

    /// <summary>Whether it was reused, or made, since the beginning.</summary>
    public bool IsUsed(int index) => index >= FileCount || _entries[index].Used != 0;

    /// <summary>The translation with this number, below <see cref="Count"/>.</summary>
    public ReadOnlySpan<byte> this[int index] => new(_entries[index].Start, (int)new CachedTranslation(_entries[index].Start).Header.Size);

    /// <summary>False: there is no room.</summary>
    public bool TryAdd(ReadOnlySpan<byte> record)
    {
        if (_used + record.Length > Capacity || _count == Entries)
            return false;
        var start = _memory.Start + _used;
        record.CopyTo(new Span<byte>(start, record.Length));
        _used += record.Length;
        Enter(start);
        return true;
    }

    public void Dispose()
    {
        _table.Dispose();
        _memory.Dispose();
        _file?.Dispose();
    }

    private void Enter(byte* start)
    {
        var hash = new CachedTranslation(start).Header.Hash;
        ref var bucket = ref _buckets[hash % Buckets];
        _entries[_count] = new Entry { Hash = hash, Next = bucket, Start = start };

        // Seen only when it is whole.
        Volatile.Write(ref _count, _count + 1);
        Volatile.Write(ref bucket, _count);
    }

    /// <summary>Numbers count from 1, so that an untouched bucket is an empty one.</summary>
    private Entry* At(int number) => number == 0 ? null : _entries + (number - 1);

    [StructLayout(LayoutKind.Sequential)]
    internal struct Entry
    {
        public uint Hash;
        public int Next;
        public byte* Start;

        /// <summary>1 once it was reused. A race for it is none.</summary>
        public ulong Used;
    }
}
