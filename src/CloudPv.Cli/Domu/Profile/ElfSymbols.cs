using System.Runtime.InteropServices;
using System.Text;

namespace CloudPv.Cli.Domu.Profile;

/// <summary>The functions in an ELF file's symbol table (.symtab).</summary>
internal static class ElfSymbols
{
    private const int SectionHeaderSize = 64, SymbolSize = 24;
    private const uint SymbolTable = 2; // SHT_SYMTAB
    private const int Function = 2; // STT_FUNC

    /// <summary>Empty: there is none, or it is damaged.</summary>
    public static IReadOnlyList<GuestSymbol> Read(ReadOnlySpan<byte> elf)
    {
        var headers = Part(elf, MemoryMarshal.Read<ulong>(elf[40..]), (ulong)MemoryMarshal.Read<ushort>(elf[60..]) * SectionHeaderSize);
        for (var at = 0; at + SectionHeaderSize <= headers.Length; at += SectionHeaderSize)
        {
            var header = headers[at..];
            if (MemoryMarshal.Read<uint>(header[4..]) != SymbolTable)
                continue;
            var names = MemoryMarshal.Read<uint>(header[40..]) * SectionHeaderSize;
            if (names + SectionHeaderSize <= headers.Length)
                return Read(Section(elf, header), Section(elf, headers[(int)names..]));
        }

        return [];
    }

    private static List<GuestSymbol> Read(ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> names)
    {
        var functions = new List<GuestSymbol>();
        for (; symbols.Length >= SymbolSize; symbols = symbols[SymbolSize..])
        {
            var name = MemoryMarshal.Read<uint>(symbols);
            if ((symbols[4] & 0xf) != Function || name >= names.Length)
                continue;
            var text = names[(int)name..];
            var end = text.IndexOf((byte)0);
            functions.Add(new GuestSymbol(MemoryMarshal.Read<ulong>(symbols[8..]), Encoding.ASCII.GetString(end < 0 ? text : text[..end])));
        }

        return functions;
    }

    private static ReadOnlySpan<byte> Section(ReadOnlySpan<byte> elf, ReadOnlySpan<byte> header) =>
        Part(elf, MemoryMarshal.Read<ulong>(header[24..]), MemoryMarshal.Read<ulong>(header[32..]));

    private static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> elf, ulong offset, ulong size) =>
        offset <= (ulong)elf.Length && size <= (ulong)elf.Length - offset ? elf.Slice((int)offset, (int)size) : default;
}
