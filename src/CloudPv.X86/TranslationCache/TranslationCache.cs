using System.Numerics;
using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// Translations by what they were made from, for all CPUs of a guest, wherever its code lies next: one of a program that is loaded at another address, of another CPU, or of an
/// earlier run of the same image. Any thread may look and add. Bounded: when it is full, all but what came from a file goes.
/// </summary>
public sealed class TranslationCache : IDisposable
{
    private const int HashedBytes = 16;

    private readonly Lock _gate = new();
    private volatile CachedTranslations _translations = new();
    private uint _stubsSize;
    private Action? _onGrowth;

    /// <summary>Translations in it.</summary>
    public int Count => _translations.Count;

    /// <summary>Bytes that they take.</summary>
    public long Size => _translations.Size;

    /// <summary>The size of the stubs that its translations jump to, in bytes; 0 as long as it has none.</summary>
    internal uint StubsSize => Volatile.Read(ref _stubsSize);

    /// <summary>The translations of now. They stay in memory as long as the caller keeps this object.</summary>
    internal CachedTranslations Current => _translations;

    /// <summary>A hash of the traits and of the first bytes of <paramref name="page"/>, which go to the page's end.</summary>
    internal static uint Hash(ulong rip, TranslationTraits traits, ReadOnlySpan<byte> page)
    {
        ulong first, second;
        if (page.Length >= HashedBytes)
        {
            first = MemoryMarshal.Read<ulong>(page);
            second = MemoryMarshal.Read<ulong>(page[8..]);
        }
        else
        {
            Span<byte> padded = stackalloc byte[HashedBytes];
            padded.Clear();
            page.CopyTo(padded);
            first = MemoryMarshal.Read<ulong>(padded);
            second = MemoryMarshal.Read<ulong>(padded[8..]);
        }

        var place = (rip & 0xfff) | ((ulong)traits << 12);
        return BitOperations.Crc32C(BitOperations.Crc32C(BitOperations.Crc32C(0, place), first), second);
    }

    /// <summary>Has an action called once, by the CPU that adds the next translation.</summary>
    public void AwaitGrowth(Action onGrowth) => Volatile.Write(ref _onGrowth, onGrowth);

    /// <summary>No CPU may look any more.</summary>
    public void Dispose() => _translations.Dispose();

    /// <summary>Adds what a <see cref="TranslationRecorder"/> made.</summary>
    internal void Add(ReadOnlySpan<byte> record, uint stubsSize)
    {
        lock (_gate)
        {
            if (_stubsSize != stubsSize)
            {
                if (_stubsSize != 0)
                    return;
                _stubsSize = stubsSize;
            }

            if (!_translations.TryAdd(record))
            {
                var anew = _translations.WithoutAdded();
                anew.TryAdd(record);
                _translations = anew;
            }
        }

        if (Volatile.Read(ref _onGrowth) != null)
            Interlocked.Exchange(ref _onGrowth, null)?.Invoke();
    }

    /// <summary>Takes the place of what it holds, and takes over what has been added to that, but for the first translations, if they are those of <paramref name="saved"/>.</summary>
    internal void Replace(CachedTranslations translations, uint stubsSize, CachedTranslations? saved, int savedCount)
    {
        lock (_gate)
        {
            if (_stubsSize == stubsSize)
            {
                for (var index = _translations == saved ? savedCount : _translations.FileCount; index < _translations.Count; index++)
                    translations.TryAdd(_translations[index]);
            }

            Volatile.Write(ref _stubsSize, stubsSize);
            _translations = translations;
        }
    }
}
