using System.Buffers.Binary;
using System.Text;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>A kernel in a few words, from what it says of itself.</summary>
internal static class KernelDescription
{
    /// <summary>The setup header's pointer to the version string, less 512 (Documentation/arch/x86/boot.rst: kernel_version).</summary>
    private const int VersionPointer = 0x20e;
    private const int LongestVersion = 64;

    public static string Of(ReadOnlySpan<byte> file, KernelImage kernel)
    {
        string packing = kernel.Compression == CompressionFormat.None ? "" : $", {kernel.Compression.ToString().ToLowerInvariant()}";
        return file.Length > 0x206 && file.Slice(0x202, 4).SequenceEqual("HdrS"u8)
            ? OfBzImage(file) + packing
            : $"{Printable(Encoding.ASCII.GetBytes($"{kernel.Notes.GuestOs} {kernel.Notes.GuestVersion}")).Trim()} ELF kernel{packing}";
    }

    public static string OfBzImage(ReadOnlySpan<byte> file)
    {
        int start = BinaryPrimitives.ReadUInt16LittleEndian(file[VersionPointer..]) + 512;
        if (start == 512 || start >= file.Length)
            return "Linux bzImage";
        ReadOnlySpan<byte> version = file[start..Math.Min(start + LongestVersion, file.Length)];
        // The version ends at the first space; who built it, and when, follows.
        int end = version.IndexOfAny((byte)' ', (byte)0);
        return $"Linux {Printable(end < 0 ? version : version[..end])} bzImage";
    }

    private static string Printable(ReadOnlySpan<byte> text)
    {
        var printable = new StringBuilder();
        foreach (byte b in text[..Math.Min(text.Length, LongestVersion)])
            printable.Append(b is >= 0x20 and < 0x7f ? (char)b : '?');
        return printable.ToString();
    }
}
