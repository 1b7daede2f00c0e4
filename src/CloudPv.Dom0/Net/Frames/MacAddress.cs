using System.Globalization;

namespace CloudPv.Dom0.Net;

/// <summary>An Ethernet address, its first byte in the highest of 48 bits.</summary>
public readonly record struct MacAddress(ulong Value)
{
    public const int Length = 6;

    public static readonly MacAddress Broadcast = new(0xffff_ffff_ffff);

    /// <summary>Whether it names a group of receivers (broadcast is one).</summary>
    public bool IsMulticast => (Value & 0x0100_0000_0000) != 0;

    /// <summary>Reads the address that starts the bytes.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        foreach (var part in bytes[..Length])
            value = (value << 8) | part;
        return new MacAddress(value);
    }

    /// <summary>Six bytes in hex, with colons.</summary>
    public static bool TryParse(string text, out MacAddress address)
    {
        ulong value = 0;
        var parts = text.Split(':');
        var valid = parts.Length == Length;
        foreach (var part in parts)
        {
            valid &= byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var one) && part.Length == 2;
            value = (value << 8) | one;
        }

        address = valid ? new MacAddress(value) : default;
        return valid;
    }

    public void Write(Span<byte> bytes)
    {
        for (var i = 0; i < Length; i++)
            bytes[i] = (byte)(Value >> (40 - (8 * i)));
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        Write(bytes);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes[0]:x2}:{bytes[1]:x2}:{bytes[2]:x2}:{bytes[3]:x2}:{bytes[4]:x2}:{bytes[5]:x2}");
    }
}
