using System.Buffers;

namespace CloudPv.Hypervisor;

/// <summary>A kernel's ELF file as it is once expanded.</summary>
internal abstract class KernelFile : IDisposable
{
    /// <summary>The length in bytes; of a packed file that is expanded in parts, the most that it can be.</summary>
    public abstract ulong Length { get; }

    /// <summary>The bytes from an offset on, as many as stand there at once, valid until the next call; none: the file ends before. Throws
    /// <see cref="DomainBuildException"/> where they can't be expanded.</summary>
    public abstract ReadOnlySpan<byte> From(ulong offset);

    /// <summary>A copy of some bytes. Throws <see cref="DomainBuildException"/> where the file ends before.</summary>
    public byte[] Read(ulong offset, ulong size)
    {
        byte[] bytes = new byte[size];
        return TryRead(offset, bytes) ? bytes : throw CutShort(offset + size);
    }

    /// <summary>The same. False: the file ends before.</summary>
    public bool TryRead(ulong offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            ReadOnlySpan<byte> part = From(offset);
            if (part.IsEmpty)
                return false;
            part = part[..Math.Min(part.Length, target.Length)];
            part.CopyTo(target);
            target = target[part.Length..];
            offset += (ulong)part.Length;
        }
        return true;
    }

    /// <summary>As <see cref="From"/>, but at least one byte and at most <paramref name="most"/>.</summary>
    public ReadOnlySpan<byte> Part(ulong offset, ulong most)
    {
        ReadOnlySpan<byte> bytes = From(offset);
        if (bytes.IsEmpty)
            throw CutShort(offset + most);
        return (ulong)bytes.Length > most ? bytes[..(int)most] : bytes;
    }

    public abstract void Dispose();

    private static DomainBuildException CutShort(ulong end) => new($"The kernel is cut short: it should go on to byte {end:N0}.");
}

/// <summary>A kernel that stands in memory whole.</summary>
/// <param name="owner">What is disposed with it; null: nothing.</param>
internal sealed class WholeKernelFile(ReadOnlyMemory<byte> bytes, IMemoryOwner<byte>? owner) : KernelFile
{
    public override ulong Length => (ulong)bytes.Length;

    public override ReadOnlySpan<byte> From(ulong offset) => offset < Length ? bytes.Span[(int)offset..] : default;

    public override void Dispose() => owner?.Dispose();
}

/// <summary>A kernel in LZ4 blocks, one of which at a time is expanded: what a start takes is mostly new memory, and it is the processor's caches that hold so little.</summary>
internal sealed class Lz4KernelFile : KernelFile
{
    private readonly ReadOnlyMemory<byte> _packed;
    private readonly List<Range> _blocks;
    private readonly PageBuffer _part;
    private int _block = -1;
    private int _length;

    /// <summary>Throws <see cref="InvalidDataException"/> where the data is cut short or expands beyond <paramref name="limit"/> bytes.</summary>
    public Lz4KernelFile(ReadOnlyMemory<byte> packed, int limit)
    {
        _packed = packed;
        _blocks = Lz4Legacy.Blocks(packed.Span);
        Length = (ulong)_blocks.Count * Lz4Legacy.BlockSize;
        if (Length > (ulong)limit)
            throw new InvalidDataException($"it expands to more than {limit >> 20} MiB");
        _part = PageBuffer.Reserve(Lz4Legacy.BlockSize);
    }

    public override ulong Length { get; }

    public override ReadOnlySpan<byte> From(ulong offset)
    {
        if (offset >= Length)
            return default;
        (ulong block, ulong within) = Math.DivRem(offset, Lz4Legacy.BlockSize);
        Expand((int)block);
        return within < (ulong)_length ? _part.GetSpan()[(int)within.._length] : default;
    }

    public override void Dispose() => ((IDisposable)_part).Dispose();

    private void Expand(int block)
    {
        if (block == _block)
            return;
        _block = -1;
        try
        {
            _length = Lz4Legacy.ExpandBlock(_packed.Span[_blocks[block]], _part.GetSpan());
        }
        catch (InvalidDataException e)
        {
            throw KernelImage.CannotBeExpanded(CompressionFormat.Lz4, e);
        }
        _block = block;
    }
}
