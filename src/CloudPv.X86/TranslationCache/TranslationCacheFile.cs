using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace CloudPv.X86;

/// <summary>
/// A guest's translations on disk, in a folder with those of other images: one file for each image, build of this engine, set of options and kind of host. What can't be read
/// or isn't whole counts as absent, with a line in the log, and is replaced. Whoever may write the folder decides what the guests run that read from it.
/// </summary>
/// <remarks>
/// The file: <see cref="Magic"/>, the key (48 bytes), the size of the stubs (4), CRC-32C of all that follows (4), translations as in <see cref="CachedTranslation"/>.
/// </remarks>
public sealed unsafe class TranslationCacheFile
{
    /// <summary>The most bytes that the files of a folder take; the least recently used go.</summary>
    public const long FolderCapacity = 256 << 20;

    private const string Extension = ".translations";
    private const string Temporary = ".new";
    private const int KeySize = 48;
    private const int ImageAt = 40;
    private const int StubsSizeAt = 8 + KeySize;
    private const int ChecksumAt = StubsSizeAt + 4;
    private const int HeaderSize = ChecksumAt + 4;

    private readonly string _folder;
    private readonly byte[] _key;
    private readonly Action<string> _log;
    private readonly Lock _gate = new();
    private CachedTranslations? _saved;
    private int _savedCount;

    /// <param name="image">What the guest boots. Mistaking one for another costs nothing but misses: every translation is compared with the guest's bytes.</param>
    /// <param name="log">Gets a line, without its end, for each file that is no use.</param>
    public TranslationCacheFile(string folder, ReadOnlySpan<byte> image, TranslatorOptions options, Action<string> log)
    {
        _folder = folder;
        _log = log;
        _key = KeyOf(image, options);
        FilePath = Path.Combine(folder, $"{BinaryPrimitives.ReadUInt32LittleEndian(_key.AsSpan(ImageAt)):x8}-{Checksum(0, _key):x8}{Extension}");
    }

    public string FilePath { get; }

    private static ReadOnlySpan<byte> Magic => "CPVTRAN1"u8;

    /// <summary>The builds of the engine and of Iced, and checksums of options with what of the host they are used on, and of the image. No cryptographic hash, for loading OpenSSL takes longer than all else here.</summary>
    private static byte[] KeyOf(ReadOnlySpan<byte> image, TranslatorOptions options)
    {
        var key = new byte[KeySize];
        typeof(TranslationCacheFile).Module.ModuleVersionId.TryWriteBytes(key);
        typeof(Iced.Intel.Decoder).Module.ModuleVersionId.TryWriteBytes(key.AsSpan(16));
        var settings = MemoryMarshal.AsBytes($"{options} {HostSystem.HasFsGsBase} {Avx.IsSupported}".AsSpan());
        BinaryPrimitives.WriteUInt32LittleEndian(key.AsSpan(32), Checksum(0, settings));
        BinaryPrimitives.WriteUInt32LittleEndian(key.AsSpan(36), (uint)image.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(key.AsSpan(ImageAt), Checksum(0, image));
        return key;
    }

    /// <summary>Replaces what a cache holds by what the file does, if there is a good one. False: there is none.</summary>
    public bool TryLoad(TranslationCache cache)
    {
        lock (_gate)
            return TryLoadAlone(cache);
    }

    /// <summary>Writes what the cache holds, if that is more than the file does by at least one translation in <paramref name="share"/>. False: it wasn't, or couldn't be.</summary>
    public bool TrySave(TranslationCache cache, int share)
    {
        lock (_gate)
        {
            var translations = cache.Current;
            var count = translations.Count;
            var isNew = count - (translations == _saved ? _savedCount : 0);
            if (isNew == 0 || isNew < count / share)
                return false;
            try
            {
                Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                Write(translations, count, cache.StubsSize);
                _saved = translations;
                _savedCount = count;
                Evict();
                return true;
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
            {
                _log($"{FilePath} isn't written: {refused.Message}");
                return false;
            }
        }
    }

    private bool TryLoadAlone(TranslationCache cache)
    {
        MappedPages? pages = null;
        try
        {
            using var file = File.OpenHandle(FilePath);
            if ((File.GetUnixFileMode(file) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != UnixFileMode.None)
                throw new InvalidDataException("others may write it");
            var size = RandomAccess.GetLength(file);
            if (size is < HeaderSize or > HeaderSize + CachedTranslations.Capacity)
                throw new InvalidDataException($"{size} bytes are no size for it");
            pages = new MappedPages(file, (ulong)size);
            var stubsSize = CheckHeader(new ReadOnlySpan<byte>(pages.Start, (int)size));
            var translations = new CachedTranslations(pages, HeaderSize, stubsSize);
            var count = translations.Count;
            cache.Replace(translations, stubsSize, _saved, _savedCount);
            _saved = translations;
            _savedCount = count;
            File.SetLastWriteTimeUtc(FilePath, DateTime.UtcNow);
            return true;
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception useless) when (useless is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            pages?.Dispose();
            _log($"{FilePath} is ignored: {useless.Message}");
            return false;
        }
    }

    private uint CheckHeader(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(Magic) || !file.Slice(Magic.Length, KeySize).SequenceEqual(_key))
            throw new InvalidDataException("it is of another build or image");
        if (BinaryPrimitives.ReadUInt32LittleEndian(file[ChecksumAt..]) != Checksum(Checksum(0, file[..ChecksumAt]), file[HeaderSize..]))
            throw new InvalidDataException("its checksum is wrong");
        return BinaryPrimitives.ReadUInt32LittleEndian(file[StubsSizeAt..]);
    }

    /// <summary>Into a file of its own, which takes the place of the old one when it is whole.</summary>
    private void Write(CachedTranslations translations, int count, uint stubsSize)
    {
        var path = $"{FilePath}.{Guid.NewGuid():N}{Temporary}";
        var keepsUnused = translations.Size <= CachedTranslations.Capacity;
        try
        {
            using (var stream = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 1 << 20,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                Span<byte> header = stackalloc byte[HeaderSize];
                Magic.CopyTo(header);
                _key.CopyTo(header[Magic.Length..]);
                BinaryPrimitives.WriteUInt32LittleEndian(header[StubsSizeAt..], stubsSize);
                var checksum = Checksum(0, header[..ChecksumAt]);
                stream.Write(header);
                for (var index = 0; index < count; index++)
                {
                    if (!keepsUnused && !translations.IsUsed(index))
                        continue;
                    var translation = translations[index];
                    if (stream.Position + translation.Length > HeaderSize + CachedTranslations.Capacity)
                        break;
                    checksum = Checksum(checksum, translation);
                    stream.Write(translation);
                }

                BinaryPrimitives.WriteUInt32LittleEndian(header[ChecksumAt..], checksum);
                stream.Position = 0;
                stream.Write(header);
            }

            File.Move(path, FilePath, overwrite: true);
        }
        catch
        {
            File.Delete(path);
            throw;
        }

        GC.KeepAlive(translations);
    }

    private void Evict()
    {
        long size = 0;
        foreach (var file in new DirectoryInfo(_folder).EnumerateFiles().OrderByDescending(file => file.LastWriteTimeUtc).ToList())
        {
            var isLeft = file.Name.EndsWith(Temporary, StringComparison.Ordinal) && file.Name.Contains(Extension, StringComparison.Ordinal) && file.LastWriteTimeUtc < DateTime.UtcNow.AddHours(-1);
            size += file.Name.EndsWith(Extension, StringComparison.Ordinal) ? file.Length : 0;
            if (isLeft || (size > FolderCapacity && file.Name.EndsWith(Extension, StringComparison.Ordinal) && file.FullName != FilePath))
                file.Delete();
        }
    }

    /// <summary>CRC-32C without the inversions of its serial form, continued from an earlier part.</summary>
    // Compiled ahead of time, or at first, it would call a function for each word: that takes longer than a launch has.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Checksum(uint checksum, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            checksum = BitOperations.Crc32C(checksum, word);
        foreach (var value in bytes[(8 * words.Length)..])
            checksum = BitOperations.Crc32C(checksum, value);
        return checksum;
    }
}
