using Microsoft.Win32.SafeHandles;

namespace CloudPv.Dom0.Disks;

/// <summary>Makes and checks overlay files.</summary>
internal static class OverlayFile
{
    /// <summary>Makes an empty overlay: a sparse file that is there whole or not at all.</summary>
    public static void Create(string path, OverlayHeader header)
    {
        string partial = path + ".part";
        byte[] block = new byte[OverlayHeader.Size];
        header.WriteTo(block);
        using (SafeFileHandle file = File.OpenHandle(partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            RandomAccess.Write(file, block, 0);
            RandomAccess.SetLength(file, header.DataOffset + header.Length);
            RandomAccess.FlushToDisk(file);
        }
        File.Move(partial, path);
        DiskFile.FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <exception cref="ToolstackException">It is no overlay, or one of a base of another length.</exception>
    public static OverlayHeader ReadHeader(string path, DiskFile file, long baseLength)
    {
        byte[] block = GC.AllocateUninitializedArray<byte>(OverlayHeader.Size, pinned: true);
        if (!file.Read(0, [IoVector.Of(block)]) || !OverlayHeader.TryRead(block, out OverlayHeader header))
            throw new ToolstackException($"overlay {path} is no overlay of this version");
        if (header.Length != baseLength)
            throw new ToolstackException($"overlay {path} belongs to a disk of {header.Length} bytes, and its base has {baseLength}");
        return header;
    }
}
