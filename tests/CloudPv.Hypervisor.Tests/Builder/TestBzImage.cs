using System.Buffers.Binary;

namespace CloudPv.Hypervisor.Tests;

internal static class TestBzImage
{
    private const int SetupSectors = 1;

    /// <summary>A bzImage around a payload, which is followed by its uncompressed size, as Linux has it (for gzip that is its own last word).</summary>
    public static byte[] Wrap(byte[] payload, int uncompressedSize, bool sizeIsPartOfPayload = false)
    {
        const int Code = 0x180, Start = (SetupSectors + 1) * 512;
        int length = payload.Length + (sizeIsPartOfPayload ? 0 : 4);
        var file = new byte[Start + Code + length + 0x200];
        file[0x1f1] = SetupSectors;
        file[0x1fe] = 0x55;
        file[0x1ff] = 0xaa;
        "HdrS"u8.CopyTo(file.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x206), 0x20f);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(0x248), Code);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(0x24c), length);
        payload.CopyTo(file, Start + Code);
        if (!sizeIsPartOfPayload)
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(Start + Code + payload.Length), uncompressedSize);
        return file;
    }
}
