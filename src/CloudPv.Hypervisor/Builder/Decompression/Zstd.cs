using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>Zstandard frames through libzstd (Debian: libzstd1).</summary>
internal static unsafe partial class Zstd
{

    /// <summary>ZSTD_d_windowLogMax: kernels are packed with --ultra -22, whose window is 128 MiB.</summary>
    private const int WindowLogMax = 100;

    public static void Expand(ReadOnlySpan<byte> data, BoundedBuffer output)
    {
        // SAFETY: libzstd reads and writes only within the two buffers, which describe pinned memory while it runs.
        nint context = ZSTD_createDCtx();
        try
        {
            ZSTD_DCtx_setParameter(context, WindowLogMax, 27);
            fixed (byte* input = data)
            {
                var source = new Buffer { Data = input, Size = (nuint)data.Length };
                while (!Step(context, ref source, output))
                {
                }
            }
        }
        finally
        {
            ZSTD_freeDCtx(context);
        }
    }

    /// <summary>True at the end of the frame.</summary>
    private static bool Step(nint context, ref Buffer source, BoundedBuffer output)
    {
        Span<byte> room = output.GetSpan(1);
        fixed (byte* target = room)
        {
            var sink = new Buffer { Data = target, Size = (nuint)room.Length };
            nuint status = ZSTD_decompressStream(context, ref sink, ref source);
            if (ZSTD_isError(status) != 0)
                throw new InvalidDataException($"the zstd stream is damaged: {Marshal.PtrToStringUTF8(ZSTD_getErrorName(status))}");
            output.Advance((int)sink.Position);
            if (status != 0 && source.Position == source.Size && sink.Position < sink.Size)
                throw new InvalidDataException("the zstd stream is cut short");
            return status == 0;
        }
    }

    [LibraryImport("libzstd.so.1")]
    private static partial nint ZSTD_createDCtx();

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_freeDCtx(nint context);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_DCtx_setParameter(nint context, int parameter, int value);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_decompressStream(nint context, ref Buffer output, ref Buffer input);

    [LibraryImport("libzstd.so.1")]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport("libzstd.so.1")]
    private static partial nint ZSTD_getErrorName(nuint code);

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer: zstd.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Buffer
    {
        public byte* Data;
        public nuint Size;
        public nuint Position;
    }
}
