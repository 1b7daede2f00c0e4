using System.Buffers.Binary;

namespace CloudPv.Hypervisor;

/// <summary>LZ4's legacy frame: a magic, then blocks of a 4-byte length and that many bytes, each of which expands to at most 8 MiB by itself.</summary>
internal static class Lz4Legacy
{
    private const uint Magic = 0x184c2102;
    private const int BlockSize = 8 << 20;

    public static void Expand(ReadOnlySpan<byte> data, BoundedBuffer output)
    {
        data = data[4..];
        while (data.Length >= 4)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(data);
            data = data[4..];
            if (length == Magic)
                continue;

            // What stands behind the last block is the kernel's own (the uncompressed size), not a block.
            if (output.Length > 0 && (length == 0 || length > data.Length))
                break;
            if (length > data.Length)
                throw new InvalidDataException("the lz4 stream is cut short");
            int before = output.Length;
            ExpandBlock(data[..(int)length], output);
            data = data[(int)length..];
            if (output.Length - before < BlockSize)
                break;
        }
        if (output.Length == 0)
            throw new InvalidDataException("the lz4 stream is empty");
    }

    private static void ExpandBlock(ReadOnlySpan<byte> block, BoundedBuffer output)
    {
        int start = output.Length;
        int at = 0;
        while (true)
        {
            byte token = Take(block, ref at);
            int literals = TakeLength(block, ref at, token >> 4);
            if (literals > block.Length - at)
                throw new InvalidDataException("the lz4 stream is damaged");
            output.Append(block.Slice(at, literals));
            at += literals;
            if (at == block.Length)
                return;

            int offset = Take(block, ref at);
            offset |= Take(block, ref at) << 8;
            int length = TakeLength(block, ref at, token & 15) + 4;
            if (offset == 0 || offset > output.Length - start)
                throw new InvalidDataException("the lz4 stream is damaged");
            BackReference.Copy(output, offset, length);
        }
    }

    private static int TakeLength(ReadOnlySpan<byte> block, ref int at, int nibble)
    {
        int length = nibble;
        if (nibble == 15)
        {
            byte more;
            do
            {
                more = Take(block, ref at);
                length += more;
            }
            while (more == 255);
        }
        return length;
    }

    private static byte Take(ReadOnlySpan<byte> block, ref int at)
    {
        if (at >= block.Length)
            throw new InvalidDataException("the lz4 stream is damaged");
        return block[at++];
    }
}
