using System.Buffers.Binary;
using System.Text;

namespace CloudPv.Cli.Domu.Profile;

/// <summary>
/// The symbols that a Linux kernel carries for itself (CONFIG_KALLSYMS; written by scripts/kallsyms.c). Nothing says where they stand, but their tables prove each other:
/// each token of the names' compression stands where the index of tokens says, each 256th name where the markers say.
/// </summary>
internal static class Kallsyms
{
    private const int Tokens = 256, NamesPerMarker = 256, Alignment = 8;

    /// <summary>Any kernel has more symbols than that, and takes fewer bytes for them than this.</summary>
    private const int FewestNames = 1000, LargestTables = 64 << 20;

    /// <summary>Above which a kernel's own addresses are.</summary>
    private const ulong KernelBase = 0xffff_ffff_8000_0000;

    /// <summary>What the one-letter tokens of the digits look like, which every kernel has.</summary>
    private static readonly byte[] Digits = [.. "0123456789".SelectMany(digit => new[] { (byte)digit, (byte)0 })];

    /// <summary>The functions. Empty: there are no tables, or not as Linux 4.6 and later lays them out.</summary>
    public static IReadOnlyList<GuestSymbol> Read(ReadOnlySpan<byte> kernel)
    {
        for (var from = 0; kernel[from..].IndexOf(Digits) is >= 0 and var found; from += found + 1)
        {
            if (TryReadTokens(kernel, from + found, out var tokens, out var start, out var end) && TryReadNames(kernel, tokens, start, out var names, out var count))
                return WithAddresses(kernel, names, count, end);
        }

        return [];
    }

    /// <param name="digits">Where the token of '0' stands.</param>
    /// <param name="start">Where the first token stands.</param>
    /// <param name="end">Where the index of tokens ends.</param>
    private static bool TryReadTokens(ReadOnlySpan<byte> kernel, int digits, out string[] tokens, out int start, out int end)
    {
        tokens = new string[Tokens];
        start = end = 0;
        var index = digits;
        for (var token = (int)'0'; token < Tokens; token++)
        {
            var length = kernel[index..].IndexOf((byte)0);
            if (length < 0)
                return false;
            index += length + 1;
        }

        index = AlignUp(index);
        end = index + (2 * Tokens);
        if (end > kernel.Length)
            return false;
        start = digits - Offset(kernel, '0');
        for (var (token, at) = (0, start); token < Tokens; token++)
        {
            if (at < 0 || at != start + Offset(kernel, token))
                return false;
            var length = kernel[at..].IndexOf((byte)0);
            tokens[token] = Encoding.ASCII.GetString(kernel.Slice(at, length));
            at += length + 1;
        }

        return true;

        int Offset(ReadOnlySpan<byte> kernel, int token) => BinaryPrimitives.ReadUInt16LittleEndian(kernel[(index + (2 * token))..]);
    }

    /// <summary>Before the tokens stand, in this order, the number of symbols, the names, the markers, and in some versions more.</summary>
    /// <param name="names">Each with its type letter before it.</param>
    /// <param name="count">Where the number of symbols stands.</param>
    private static bool TryReadNames(ReadOnlySpan<byte> kernel, string[] tokens, int tokensStart, out string[] names, out int count)
    {
        names = [];
        for (count = (tokensStart - Alignment) & ~(Alignment - 1); count > tokensStart - LargestTables && count > 0; count -= Alignment)
        {
            var number = UInt32(kernel, count);
            if (number >= FewestNames && number < (tokensStart - count) / 2 && UInt32(kernel, count + sizeof(uint)) == 0
                && TryReadNames(kernel[..tokensStart], tokens, count + Alignment, (int)number, out names))
                return true;
        }

        return false;
    }

    private static bool TryReadNames(ReadOnlySpan<byte> kernel, string[] tokens, int start, int number, out string[] names)
    {
        names = [];
        var places = new int[number];
        var at = start;
        for (var name = 0; name < number; name++)
        {
            places[name] = at;
            if (at + 2 > kernel.Length)
                return false;
            var length = LengthAt(kernel, ref at);
            at += length;
            if (length == 0 || at > kernel.Length)
                return false;
        }

        for (var (name, marker) = (0, AlignUp(at)); name < number; name += NamesPerMarker, marker += sizeof(uint))
        {
            if (marker + sizeof(uint) > kernel.Length || places[name] - start != UInt32(kernel, marker))
                return false;
        }

        names = new string[number];
        var text = new StringBuilder();
        for (var name = 0; name < number; name++)
        {
            text.Clear();
            at = places[name];
            var length = LengthAt(kernel, ref at);
            foreach (var token in kernel.Slice(at, length))
                text.Append(tokens[token]);
            names[name] = text.ToString();
        }

        return true;
    }

    /// <summary>One byte, or where it has bit 7 set, two: how many tokens a name has.</summary>
    private static int LengthAt(ReadOnlySpan<byte> kernel, ref int at)
    {
        int length = kernel[at++];
        return (length & 0x80) == 0 ? length : (length & 0x7f) | (kernel[at++] << 7);
    }

    /// <summary>The offsets and the address that they count from stand before the number of symbols (up to 6.3), or behind the index of tokens (from 6.4 on).</summary>
    private static List<GuestSymbol> WithAddresses(ReadOnlySpan<byte> kernel, string[] names, int count, int tokensEnd)
    {
        var size = AlignUp(names.Length * sizeof(uint));
        var at = count - sizeof(ulong) - size;
        if (at < 0 || BinaryPrimitives.ReadUInt64LittleEndian(kernel[(at + size)..]) < KernelBase)
            at = AlignUp(tokensEnd);
        if (at + size + sizeof(ulong) > kernel.Length)
            return [];
        var offsets = kernel.Slice(at, size);
        var origin = BinaryPrimitives.ReadUInt64LittleEndian(kernel[(at + size)..]);

        // Where addresses of per-CPU data are kept as they are (not negative), all others are counted downwards.
        var downwards = (int)UInt32(offsets, size / 2 & ~3) < 0;
        var functions = new List<GuestSymbol>(names.Length);
        for (var index = 0; index < names.Length; index++)
        {
            var offset = UInt32(offsets, index * sizeof(uint));
            if (GuestSymbol.IsFunction(names[index][0]) && (!downwards || (int)offset < 0))
                functions.Add(new GuestSymbol(downwards ? origin - 1 - (ulong)(int)offset : origin + offset, names[index][1..]));
        }

        return functions;
    }

    private static int AlignUp(int position) => (position + Alignment - 1) & ~(Alignment - 1);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
