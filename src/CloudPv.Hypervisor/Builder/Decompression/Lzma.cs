using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>.xz and .lzma through liblzma (Debian: liblzma5).</summary>
internal static unsafe partial class Lzma
{
    private const int Ok = 0, StreamEnd = 1, MemoryLimitError = 6, BufferError = 10;
    private const int ActionRun = 0, ActionFinish = 3;
    private const ulong DecoderMemory = 512UL << 20;

    public static void Expand(CompressionFormat format, ReadOnlySpan<byte> data, BoundedBuffer output)
    {
        // SAFETY: liblzma reads and writes only within next_in/avail_in and next_out/avail_out, which describe pinned memory while it runs.
        LzmaStream stream = default;
        int status = format == CompressionFormat.Xz
            ? lzma_stream_decoder(ref stream, DecoderMemory, 0)
            : lzma_alone_decoder(ref stream, DecoderMemory);
        if (status != Ok)
            throw new InvalidDataException($"liblzma refused to start ({status})");
        try
        {
            fixed (byte* input = data)
            {
                stream.NextIn = input;
                stream.AvailIn = (nuint)data.Length;
                do
                    status = Step(ref stream, output);
                while (status == Ok);
            }
        }
        finally
        {
            lzma_end(ref stream);
        }
        if (status != StreamEnd)
            throw new InvalidDataException(Describe(status));
    }

    private static int Step(ref LzmaStream stream, BoundedBuffer output)
    {
        Span<byte> room = output.GetSpan(1);
        fixed (byte* target = room)
        {
            stream.NextOut = target;
            stream.AvailOut = (nuint)room.Length;
            int status = lzma_code(ref stream, stream.AvailIn == 0 ? ActionFinish : ActionRun);
            output.Advance(room.Length - (int)stream.AvailOut);
            return status;
        }
    }

    private static string Describe(int status) => status switch
    {
        BufferError => "the compressed stream is cut short",
        MemoryLimitError => "the compressed stream asks for more than 512 MiB to be expanded",
        _ => $"the compressed stream is damaged (liblzma: {status})",
    };

    [LibraryImport("liblzma.so.5")]
    private static partial int lzma_stream_decoder(ref LzmaStream stream, ulong memoryLimit, uint flags);

    [LibraryImport("liblzma.so.5")]
    private static partial int lzma_alone_decoder(ref LzmaStream stream, ulong memoryLimit);

    [LibraryImport("liblzma.so.5")]
    private static partial int lzma_code(ref LzmaStream stream, int action);

    [LibraryImport("liblzma.so.5")]
    private static partial void lzma_end(ref LzmaStream stream);

    /// <summary>lzma_stream: lzma/base.h.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 136)]
    private struct LzmaStream
    {
        [FieldOffset(0)] public byte* NextIn;
        [FieldOffset(8)] public nuint AvailIn;
        [FieldOffset(24)] public byte* NextOut;
        [FieldOffset(32)] public nuint AvailOut;
    }
}
