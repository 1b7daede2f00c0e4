using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>The lzop container, its LZO1X blocks through liblzo2 (Debian: liblzo2-2).</summary>
internal static unsafe partial class Lzop
{
    private const int MagicLength = 9;
    private const uint AdlerOfData = 1, AdlerOfCompressed = 2, CrcOfData = 0x100, CrcOfCompressed = 0x200, HasFilter = 0x800, HasExtraField = 0x40;

    public static void Expand(ReadOnlySpan<byte> data, BoundedBuffer output)
    {
        var reader = new Reader(data[MagicLength..]);
        uint flags = ReadHeader(ref reader);
        while (reader.Take32() is uint length and not 0)
        {
            uint packed = reader.Take32();
            int checksums = Count(flags, AdlerOfData, CrcOfData);
            if (packed < length)
                checksums += Count(flags, AdlerOfCompressed, CrcOfCompressed);
            reader.Take(4 * checksums);
            ExpandBlock(reader.Take(packed), length, output);
        }
    }

    private static uint ReadHeader(ref Reader reader)
    {
        ushort version = reader.Take16();
        reader.Take(2);
        if (version >= 0x940)
            reader.Take(2);
        reader.Take(1);
        if (version >= 0x940)
            reader.Take(1);
        uint flags = reader.Take32();
        if ((flags & HasFilter) != 0)
            reader.Take(4);
        reader.Take(version >= 0x940 ? 12 : 8);
        reader.Take(reader.Take(1)[0]);
        reader.Take(4);
        if ((flags & HasExtraField) != 0)
            reader.Take(reader.Take32() + 4L);
        return flags;
    }

    private static int Count(uint flags, uint one, uint other) => ((flags & one) != 0 ? 1 : 0) + ((flags & other) != 0 ? 1 : 0);

    private static void ExpandBlock(ReadOnlySpan<byte> block, uint length, BoundedBuffer output)
    {
        if (length > int.MaxValue)
            throw new InvalidDataException("the lzo stream is damaged");
        Span<byte> room = output.GetSpan((int)length)[..(int)length];
        if (block.Length == length)
        {
            block.CopyTo(room);
        }
        else
        {
            // SAFETY: the "safe" decoder writes at most *target_length bytes and reads at most source_length.
            nuint written = length;
            fixed (byte* source = block, target = room)
            {
                if (lzo1x_decompress_safe(source, (nuint)block.Length, target, ref written, 0) != 0 || written != length)
                    throw new InvalidDataException("the lzo stream is damaged");
            }
        }
        output.Advance((int)length);
    }

    [LibraryImport("liblzo2.so.2")]
    private static partial int lzo1x_decompress_safe(byte* source, nuint sourceLength, byte* target, ref nuint targetLength, nint workMemory);

    private ref struct Reader(ReadOnlySpan<byte> data)
    {
        private ReadOnlySpan<byte> _rest = data;

        public ReadOnlySpan<byte> Take(long count)
        {
            if (count > _rest.Length)
                throw new InvalidDataException("the lzo stream is cut short");
            ReadOnlySpan<byte> taken = _rest[..(int)count];
            _rest = _rest[(int)count..];
            return taken;
        }

        public ushort Take16() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

        public uint Take32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));
    }
}
