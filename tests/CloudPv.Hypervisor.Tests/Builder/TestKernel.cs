using System.Buffers.Binary;
using System.Text;
using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>A small ELF file that looks like a PV kernel: one page of code (HLT) at physical 1 MiB, and Xen's notes.</summary>
internal sealed class TestKernel
{
    public const ulong VirtualBase = 0xffffffff80000000;
    public const ulong Physical = 0x100000;
    public const ulong Size = 0x3000;
    public const ulong EntryPoint = VirtualBase + Physical + 0x40;

    public ushort Machine { get; init; } = 62;
    public ulong? Entry { get; init; } = EntryPoint;
    public ulong? PhysicalOffset { get; init; }
    public ulong? InitP2m { get; init; }
    public ulong? HypercallPage { get; init; }
    public bool RamdiskByPfn { get; init; }
    public bool PvhEntry { get; init; }
    public string XenVersion { get; init; } = "xen-3.0";
    public string Loader { get; init; } = "generic";
    public bool HasNotes { get; init; } = true;

    /// <summary>The section __xen_guest instead of notes.</summary>
    public string? LegacyInfo { get; init; }

    public ulong FileSize { get; init; } = 0x1000;
    public ulong MemorySize { get; init; } = Size;
    public byte Fill { get; init; } = 0xf4;

    /// <summary>What stands at physical 1 MiB; null: a page of <see cref="Fill"/>.</summary>
    public byte[]? Image { get; init; }

    public byte[] Build()
    {
        byte[] notes = HasNotes && LegacyInfo is null ? Notes() : [];
        byte[] legacy = Encoding.ASCII.GetBytes((LegacyInfo ?? "") + "\0");
        byte[] names = "\0__xen_guest\0"u8.ToArray();
        const int Headers = 0x1000;
        byte[] image = Image ?? [.. Enumerable.Repeat(Fill, 0x1000)];
        var file = new byte[Headers + image.Length + notes.Length + legacy.Length + names.Length];
        int notesAt = Headers + image.Length, legacyAt = notesAt + notes.Length, namesAt = legacyAt + legacy.Length;
        WriteHeader(file);
        WriteSegment(file, 64, type: 1, Headers, Physical, FileSize, MemorySize);
        WriteSegment(file, 120, type: notes.Length > 0 ? 4u : 0u, (ulong)notesAt, 0, (ulong)notes.Length, 0);
        WriteSection(file, 1, name: 1, (ulong)legacyAt, LegacyInfo is null ? 0 : (ulong)legacy.Length);
        WriteSection(file, 2, name: 0, (ulong)namesAt, (ulong)names.Length);
        image.CopyTo(file, Headers);
        notes.CopyTo(file, notesAt);
        legacy.CopyTo(file, legacyAt);
        names.CopyTo(file, namesAt);
        return file;
    }

    private void WriteHeader(byte[] file)
    {
        ReadOnlySpan<byte> magic = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        magic.CopyTo(file);
        Put16(file, 16, 2);
        Put16(file, 18, Machine);
        Put64(file, 24, Physical);
        Put64(file, 32, 64);
        Put64(file, 40, 0x200);
        Put16(file, 54, 56);
        Put16(file, 56, 2);
        Put16(file, 58, 64);
        Put16(file, 60, 3);
        Put16(file, 62, 2);
    }

    private static void WriteSegment(byte[] file, int at, uint type, ulong offset, ulong physical, ulong fileSize, ulong memorySize)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), type);
        Put64(file, at + 8, offset);
        Put64(file, at + 24, physical);
        Put64(file, at + 32, fileSize);
        Put64(file, at + 40, memorySize);
    }

    private static void WriteSection(byte[] file, int index, int name, ulong offset, ulong size)
    {
        int at = 0x200 + index * 64;
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), name);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 4), 1);
        Put64(file, at + 24, offset);
        Put64(file, at + 32, size);
    }

    private byte[] Notes()
    {
        var stream = new MemoryStream();
        Text(ElfNote.GuestOs, "test");
        Text(ElfNote.XenVersion, XenVersion);
        Text(ElfNote.Loader, Loader);
        Number(ElfNote.VirtBase, VirtualBase);
        Number(ElfNote.Entry, Entry);
        Number(ElfNote.PaddrOffset, PhysicalOffset);
        Number(ElfNote.InitP2m, InitP2m);
        Number(ElfNote.HypercallPage, HypercallPage);
        Number(ElfNote.ModStartPfn, RamdiskByPfn ? 1 : null);
        Number(ElfNote.Phys32Entry, PvhEntry ? Physical : null);
        return stream.ToArray();

        void Text(ElfNote type, string text) => Note(type, Encoding.ASCII.GetBytes(text + "\0"));

        void Number(ElfNote type, ulong? value)
        {
            if (value is { } number)
                Note(type, BitConverter.GetBytes(number));
        }

        void Note(ElfNote type, byte[] value)
        {
            stream.Write(BitConverter.GetBytes(4));
            stream.Write(BitConverter.GetBytes(value.Length));
            stream.Write(BitConverter.GetBytes((int)type));
            stream.Write("Xen\0"u8);
            stream.Write(value);
            stream.Write(new byte[-value.Length & 3]);
        }
    }

    private static void Put16(byte[] file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    private static void Put64(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
