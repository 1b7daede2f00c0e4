namespace CloudPv.Dom0.Disks;

/// <summary>A raw image: byte n of the file is byte n of the disk.</summary>
public sealed class RawDisk : IDisk
{
    private readonly DiskFile _file;

    private RawDisk(DiskFile file, long length, bool readOnly)
    {
        _file = file;
        Length = length;
        IsReadOnly = readOnly;
    }

    /// <summary>Opens an image. A length that is no multiple of 512 is rounded down, with a line in the log.</summary>
    /// <exception cref="ToolstackException">It is missing, in use, empty, or an image of another format.</exception>
    public static RawDisk Open(string path, bool readOnly, Action<string> log)
    {
        DiskFile file = DiskFile.Open(path, readOnly);
        try
        {
            long length = file.Length, whole = length & ~511L;
            if (whole == 0)
                throw new ToolstackException($"disk {path} is empty: {length} bytes, and a sector has 512");
            if (OtherFormat(file) is { } format)
                throw new ToolstackException($"disk {path} is a {format} image, and only raw images can be used: convert it with qemu-img convert -O raw");
            if (whole != length)
                log($"disk {path}: {length} bytes are no multiple of 512; the last {length - whole} are not used");
            return new(file, whole, readOnly);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public long Length { get; }

    public bool IsReadOnly { get; }

    public bool Read(long offset, ReadOnlySpan<IoVector> buffers) => _file.Read(offset, buffers);
    public bool Write(long offset, ReadOnlySpan<IoVector> buffers) => _file.Write(offset, buffers);
    public bool Flush() => _file.Flush();
    public bool Discard(long offset, long length) => _file.PunchHole(offset, length);
    public void Dispose() => _file.Dispose();

    private static string? OtherFormat(DiskFile file)
    {
        byte[] start = GC.AllocateUninitializedArray<byte>(512, pinned: true);
        if (!file.Read(0, [IoVector.Of(start)]))
            return null;
        ReadOnlySpan<byte> magic = start;
        if (magic.StartsWith((ReadOnlySpan<byte>)[0x51, 0x46, 0x49, 0xfb]))
            return "qcow2";
        if (magic.StartsWith("KDMV"u8))
            return "VMDK";
        if (magic.StartsWith("conectix"u8))
            return "VHD";
        if (magic.StartsWith("vhdxfile"u8))
            return "VHDX";
        return magic.StartsWith(OverlayHeader.Magic) ? "CloudPv overlay" : null;
    }
}
