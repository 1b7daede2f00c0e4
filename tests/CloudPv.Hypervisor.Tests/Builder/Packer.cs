using System.Diagnostics;
using System.IO.Compression;
using ICSharpCode.SharpZipLib.BZip2;

namespace CloudPv.Hypervisor.Tests;

/// <summary>Compresses as the kernel's build does (Debian: xz-utils, zstd, lz4, lzop).</summary>
internal static class Packer
{
    public static byte[] Pack(CompressionFormat format, byte[] data) => format switch
    {
        CompressionFormat.None => data,
        CompressionFormat.Gzip => ThroughStream(data, output => new GZipStream(output, CompressionLevel.Optimal)),
        CompressionFormat.Bzip2 => ThroughStream(data, output => new BZip2OutputStream(output)),
        CompressionFormat.Xz => ThroughTool(data, "xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB", "-c"),
        CompressionFormat.Lzma => ThroughTool(data, "xz", "--format=lzma", "-6", "-c"),
        CompressionFormat.Lzo => ThroughTool(data, "lzop", "-9", "-c"),
        CompressionFormat.Lz4 => ThroughTool(data, "lz4", "-l", "-9", "-c", "-"),
        CompressionFormat.Zstd => ThroughTool(data, "zstd", "-19", "--long=27", "-c"),
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    private static byte[] ThroughStream(byte[] data, Func<Stream, Stream> open)
    {
        var output = new MemoryStream();
        using (Stream stream = open(output))
            stream.Write(data);
        return output.ToArray();
    }

    private static byte[] ThroughTool(byte[] data, string tool, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var output = new MemoryStream();
        Task reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        process.StandardInput.BaseStream.Write(data);
        process.StandardInput.Close();
        reading.Wait();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, tool);
        return output.ToArray();
    }
}
