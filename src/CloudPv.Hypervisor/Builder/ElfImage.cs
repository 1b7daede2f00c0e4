using System.Runtime.InteropServices;

namespace CloudPv.Hypervisor;

/// <summary>A part of an ELF image that is loaded (PT_LOAD).</summary>
/// <param name="Physical">p_paddr: where it goes, by ELF_PADDR_OFFSET's measure.</param>
/// <param name="FileOffset">Where its <paramref name="FileSize"/> bytes stand in the image; the rest up to <paramref name="MemorySize"/> is zero.</param>
public readonly record struct ElfSegment(ulong Physical, ulong FileOffset, ulong FileSize, ulong MemorySize);

/// <summary>A 64-bit little-endian x86 ELF executable, every offset of it checked against the file's length.</summary>
internal sealed class ElfImage
{
    private const ushort MachineI386 = 3, MachineX64 = 62, MachineAarch64 = 183;
    private const uint TypeLoad = 1, TypeNote = 4;
    private const uint SectionNote = 7, SectionNoBits = 8;
    private const int SegmentHeaderSize = 56, SectionHeaderSize = 64, FileHeaderSize = 64;

    private readonly ReadOnlyMemory<byte> _file;
    private readonly List<Range64> _notes = [];

    private readonly record struct Range64(ulong Offset, ulong Size);

    private ElfImage(ReadOnlyMemory<byte> file) => _file = file;

    public ReadOnlyMemory<byte> File => _file;

    public ReadOnlySpan<byte> Bytes => _file.Span;

    public ulong Entry { get; private init; }

    public List<ElfSegment> Segments { get; } = [];

    /// <summary>The lowest and the highest physical address that a segment fills.</summary>
    public ulong PhysicalStart { get; private set; } = ulong.MaxValue;

    public ulong PhysicalEnd { get; private set; }

    /// <summary>The contents of the section `__xen_guest`, which kernels before ELF notes carry; empty: none.</summary>
    public string LegacyGuestInfo { get; private set; } = "";

    public static bool IsElf(ReadOnlySpan<byte> data) => data.StartsWith("\x7f"u8 + "ELF"u8);

    /// <summary>Throws <see cref="DomainBuildException"/> with what is wrong.</summary>
    public static ElfImage Parse(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> data = file.Span;
        CheckHeader(data);
        var image = new ElfImage(file) { Entry = Read<ulong>(data, 24) };
        image.ReadSegments();
        image.ReadSections();
        return image;
    }

    /// <summary>The note areas: those of the program headers, or where these name none, those of the sections.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> NoteAreas => _notes.Select(area => _file.Slice((int)area.Offset, (int)area.Size));

    private static void CheckHeader(ReadOnlySpan<byte> data)
    {
        if (data.Length < FileHeaderSize)
            throw new DomainBuildException("The kernel is an ELF file, but cut short: its header is incomplete.");
        ushort machine = Read<ushort>(data, 18);
        if (machine == MachineAarch64)
            throw new DomainBuildException("The kernel is for aarch64 (64-bit Arm); instances here are x86-64.");
        if (machine == MachineI386)
            throw new DomainBuildException("The kernel is a 32-bit x86 kernel; 32-bit (PAE) PV guests are not supported yet, only 64-bit ones.");
        if (machine != MachineX64 || data[4] != 2 || data[5] != 1)
            throw new DomainBuildException($"The kernel is an ELF file for another machine (e_machine {machine}), not for x86-64.");
        ushort type = Read<ushort>(data, 16);
        if (type is not (2 or 3))
            throw new DomainBuildException($"The kernel is an ELF file, but not an executable (e_type {type}).");
    }

    private void ReadSegments()
    {
        ReadOnlySpan<byte> data = Bytes;
        ulong offset = Read<ulong>(data, 32);
        ushort count = Read<ushort>(data, 56);
        if (Read<ushort>(data, 54) != SegmentHeaderSize || !Fits(offset, (ulong)count * SegmentHeaderSize))
            throw new DomainBuildException("The kernel is an ELF file, but its program headers are damaged or cut off.");
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = data.Slice((int)offset + i * SegmentHeaderSize, SegmentHeaderSize);
            uint type = Read<uint>(header, 0);
            ulong fileOffset = Read<ulong>(header, 8), fileSize = Read<ulong>(header, 32), memorySize = Read<ulong>(header, 40);
            if (type is not (TypeLoad or TypeNote))
                continue;
            if (!Fits(fileOffset, fileSize))
                throw new DomainBuildException($"The kernel is cut short: segment {i} ends at byte {fileOffset + fileSize:N0} of a file of {data.Length:N0} bytes.");
            if (type == TypeNote)
                _notes.Add(new(fileOffset, fileSize));
            else if (memorySize > 0)
                AddLoaded(i, new(Read<ulong>(header, 24), fileOffset, fileSize, memorySize));
        }
        if (Segments.Count == 0)
            throw new DomainBuildException("The kernel is an ELF file with nothing in it to load.");
    }

    private void AddLoaded(int index, ElfSegment segment)
    {
        if (segment.MemorySize < segment.FileSize || segment.Physical + segment.MemorySize < segment.Physical)
            throw new DomainBuildException($"The kernel is damaged: the size of segment {index} is impossible.");
        Segments.Add(segment);
        PhysicalStart = Math.Min(PhysicalStart, segment.Physical);
        PhysicalEnd = Math.Max(PhysicalEnd, segment.Physical + segment.MemorySize);
    }

    /// <summary>Sections are only looked at for notes that no program header names. A stripped or damaged table is no error: the kernel can do without.</summary>
    private void ReadSections()
    {
        ReadOnlySpan<byte> data = Bytes;
        ulong offset = Read<ulong>(data, 40);
        ushort count = Read<ushort>(data, 60), nameIndex = Read<ushort>(data, 62);
        if (Read<ushort>(data, 58) != SectionHeaderSize || nameIndex >= count || !Fits(offset, (ulong)count * SectionHeaderSize))
            return;
        bool hasNoteSegments = _notes.Count > 0;
        Range64 names = Section(offset, nameIndex);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = data.Slice((int)offset + i * SectionHeaderSize, SectionHeaderSize);
            uint type = Read<uint>(header, 4);
            Range64 section = Section(offset, i);
            if (type == SectionNoBits || !Fits(section.Offset, section.Size))
                continue;
            if (type == SectionNote && !hasNoteSegments)
                _notes.Add(section);
            if (NameIs(names, Read<uint>(header, 0), "__xen_guest"u8))
                LegacyGuestInfo = Text(section);
        }
    }

    private Range64 Section(ulong table, int index)
    {
        ReadOnlySpan<byte> header = Bytes.Slice((int)table + index * SectionHeaderSize, SectionHeaderSize);
        return new(Read<ulong>(header, 24), Read<ulong>(header, 32));
    }

    private bool NameIs(Range64 names, uint offset, ReadOnlySpan<byte> name) =>
        Fits(names.Offset, names.Size) && offset <= names.Size && names.Size - offset > (ulong)name.Length
        && Bytes.Slice((int)(names.Offset + offset)).StartsWith(name) && Bytes[(int)(names.Offset + offset) + name.Length] == 0;

    private string Text(Range64 section)
    {
        ReadOnlySpan<byte> text = Bytes.Slice((int)section.Offset, (int)section.Size);
        int end = text.IndexOf((byte)0);
        return System.Text.Encoding.ASCII.GetString(end < 0 ? text : text[..end]);
    }

    private bool Fits(ulong offset, ulong size) => offset <= (ulong)_file.Length && size <= (ulong)_file.Length - offset;

    private static T Read<T>(ReadOnlySpan<byte> data, int offset) where T : unmanaged => MemoryMarshal.Read<T>(data[offset..]);
}
