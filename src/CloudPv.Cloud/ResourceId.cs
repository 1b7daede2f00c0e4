using System.Buffers.Binary;
using System.Security.Cryptography;

namespace CloudPv.Cloud;

/// <summary>Ids in EC2's form: a prefix that tells the kind and 17 random hex digits, such as <c>i-0123456789abcdef0</c>.</summary>
public static class ResourceId
{
    public static string New(string prefix)
    {
        Span<byte> random = stackalloc byte[9];
        RandomNumberGenerator.Fill(random);
        return $"{prefix}-{BinaryPrimitives.ReadUInt64BigEndian(random):x16}{random[8] & 0xf:x1}";
    }
}
