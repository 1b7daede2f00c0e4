using System.Buffers.Binary;

namespace CloudPv.Dom0.Net;

/// <summary>The ones'-complement checksum of IP, TCP and UDP (RFC 1071).</summary>
public static class InternetChecksum
{
    /// <summary>Adds bytes, as big-endian words, to a running sum; only the last addend may have an odd length.</summary>
    public static ulong Add(ulong sum, ReadOnlySpan<byte> bytes)
    {
        // The sum's word order is the memory's: summed as little-endian words, the result swaps into the big-endian one (RFC 1071, section 2 B).
        ulong little = 0;
        while (bytes.Length >= 8)
        {
            var word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            little += (word & 0xffff_ffff) + (word >> 32);
            bytes = bytes[8..];
        }

        while (bytes.Length >= 2)
        {
            little += BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            bytes = bytes[2..];
        }

        if (bytes.Length == 1)
            little += bytes[0];
        return sum + BinaryPrimitives.ReverseEndianness(Fold(little));
    }

    /// <summary>The sum in 16 bits, not complemented.</summary>
    public static ushort Fold(ulong sum)
    {
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)sum;
    }

    /// <summary>The value for the header's field.</summary>
    public static ushort Finish(ulong sum) => (ushort)~Fold(sum);
}
