using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CloudPv.Hypervisor;

/// <summary>LZ4's legacy frame: a magic, then blocks of a 4-byte length and that many bytes, each of which expands to at most 8 MiB by itself.</summary>
internal static unsafe class Lz4Legacy
{
    private const uint Magic = 0x184c2102;

    /// <summary>What a block expands to, in bytes; the last may be shorter.</summary>
    public const int BlockSize = 8 << 20;

    /// <summary>Bytes that are copied at once where there is room for as many, of whatever fewer are wanted.</summary>
    private const int Stride = 16;

    public static void Expand(ReadOnlySpan<byte> data, BoundedBuffer output)
    {
        foreach (Range block in Blocks(data))
        {
            int length = TryExpandBlock(data[block], output.GetSpan(0));
            if (length < 0)
                _ = output.GetSpan(BlockSize);
            if (length is < 0 or > BlockSize)
                throw Damaged();
            output.Advance(length);
            if (length < BlockSize)
                break;
        }
    }

    /// <summary>Where the blocks stand: at least one, and behind the last of them perhaps what only looks like more.</summary>
    public static List<Range> Blocks(ReadOnlySpan<byte> data)
    {
        var blocks = new List<Range>();
        for (int at = sizeof(uint); data.Length - at >= sizeof(uint);)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(data[at..]);
            at += sizeof(uint);
            if (length == Magic)
                continue;

            // What stands behind the last block is the kernel's own (the uncompressed size), not a block.
            if (blocks.Count > 0 && (length == 0 || length > data.Length - at))
                break;
            if (length > data.Length - at)
                throw new InvalidDataException("the lz4 stream is cut short");
            blocks.Add(at..(at + (int)length));
            at += (int)length;
        }
        return blocks.Count > 0 ? blocks : throw new InvalidDataException("the lz4 stream is empty");
    }

    /// <summary>Gives the length of what a block expands to.</summary>
    public static int ExpandBlock(ReadOnlySpan<byte> block, Span<byte> room) => TryExpandBlock(block, room) is >= 0 and var length ? length : throw Damaged();

    /// <summary>-1: the room is too small.</summary>
    private static int TryExpandBlock(ReadOnlySpan<byte> block, Span<byte> room)
    {
        fixed (byte* source = block, target = room)
            return ExpandBlock(source, source + block.Length, target, target + room.Length);
    }

    /// <summary>Gives the bytes written; -1: they would be more than there is room for.</summary>
    // SAFETY: each read from source is checked against sourceEnd and each write against targetEnd, wide copies with their whole width; a match lies within what is written.
    private static int ExpandBlock(byte* source, byte* sourceEnd, byte* target, byte* targetEnd)
    {
        byte* start = target;
        while (source < sourceEnd)
        {
            uint token = *source++;
            long literals = token >> 4;
            if (literals == 15)
                literals += TakeLength(ref source, sourceEnd);
            if (literals > sourceEnd - source)
                break;
            if (literals > targetEnd - target)
                return -1;
            if (literals <= Stride && sourceEnd - source >= Stride && targetEnd - target >= Stride)
                Vector128.Store(Vector128.Load(source), target);
            else
                Unsafe.CopyBlockUnaligned(target, source, (uint)literals);
            source += literals;
            target += literals;
            if (source == sourceEnd)
                return (int)(target - start);

            if (sourceEnd - source < sizeof(ushort))
                break;
            int offset = Unsafe.ReadUnaligned<ushort>(source);
            source += sizeof(ushort);
            long length = (token & 15) + 4;
            if ((token & 15) == 15)
                length += TakeLength(ref source, sourceEnd);
            if (offset == 0 || offset > target - start)
                break;
            if (length > targetEnd - target)
                return -1;
            // At the end of the room, where a stride too much would be too much, the last bytes are copied one by one.
            long byStride = Math.Clamp(targetEnd - target - Stride, 0, length);
            if (byStride > 0)
                CopyMatch(target, offset, byStride);
            CopyBytes(target + byStride, offset, length - byStride);
            target += length;
        }
        throw Damaged();
    }

    /// <summary>Repeats what stands <paramref name="offset"/> bytes before the target, by strides: it may write up to a stride too much.</summary>
    private static void CopyMatch(byte* target, int offset, long length)
    {
        byte* end = target + length;
        if (offset < Stride)
        {
            // A pattern shorter than a stride is at the next of its multiples that isn't, too, once a stride of it is written.
            CopyBytes(target, offset, Stride);
            target += Stride;
            offset *= (Stride + offset - 1) / offset;
        }
        for (; target < end; target += Stride)
            Vector128.Store(Vector128.Load(target - offset), target);
    }

    private static void CopyBytes(byte* target, int offset, long length)
    {
        for (long i = 0; i < length; i++)
            target[i] = target[i - offset];
    }

    private static long TakeLength(ref byte* source, byte* sourceEnd)
    {
        long length = 0;
        byte more;
        do
        {
            if (source == sourceEnd)
                throw Damaged();
            more = *source++;
            length += more;
        }
        while (more == 255);
        return length;
    }

    private static InvalidDataException Damaged() => new("the lz4 stream is damaged");
}
