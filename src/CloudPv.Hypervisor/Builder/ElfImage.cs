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

    /// <summary>The most that notes take which are looked at: kernels have some KiB of them.</summary>
    private const ulong LargestNotes = 1 << 20;

    private readonly KernelFile _file;
    private readonly byte[] _header;
    private readonly List<Range64> _notes = [];
    private string? _legacyGuestInfo;

    private readonly record struct Range64(ulong Offset, ulong Size);

    private ElfImage(KernelFile file)
    {
        _file = file;
        _header = file.Read(0, FileHeaderSize);
    }

    public ulong Entry => Read<ulong>(_header, 24);

    public List<ElfSegment> Segments { get; } = [];

    /// <summary>The lowest and the highest physical address that a segment fills.</summary>
    public ulong PhysicalStart { get; private set; } = ulong.MaxValue;

    public ulong PhysicalEnd { get; private set; }

    /// <summary>The contents of the section `__xen_guest`, which kernels before ELF notes carry; empty: none.</summary>
    public string LegacyGuestInfo
    {
        get
        {
            if (_legacyGuestInfo is null)
                ReadSections();
            return _legacyGuestInfo ?? "";
        }
    }

    public static bool IsElf(ReadOnlySpan<byte> data) => data.StartsWith("\x7f"u8 + "ELF"u8);

    /// <summary>Throws <see cref="DomainBuildException"/> with what is wrong.</summary>
    public static ElfImage Parse(KernelFile file)
    {
        CheckHeader(file.From(0));
        var image = new ElfImage(file);
        image.ReadSegments();
        if (image._notes.Count == 0)
            image.ReadSections();
        return image;
    }

    /// <summary>The note areas: those of the program headers, or where these name none, those of the sections.</summary>
    public IEnumerable<byte[]> NoteAreas => _notes.Select(area => _file.Read(area.Offset, Math.Min(area.Size, LargestNotes)));

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
        ulong offset = Read<ulong>(_header, 32);
        byte[] headers = new byte[Read<ushort>(_header, 56) * SegmentHeaderSize];
        if (Read<ushort>(_header, 54) != SegmentHeaderSize || !_file.TryRead(offset, headers))
            throw new DomainBuildException("The kernel is an ELF file, but its program headers are damaged or cut off.");
        for (int i = 0; i < headers.Length / SegmentHeaderSize; i++)
        {
            ReadOnlySpan<byte> header = headers.AsSpan(i * SegmentHeaderSize, SegmentHeaderSize);
            uint type = Read<uint>(header, 0);
            ulong fileOffset = Read<ulong>(header, 8), fileSize = Read<ulong>(header, 32), memorySize = Read<ulong>(header, 40);
            if (type is not (TypeLoad or TypeNote))
                continue;
            if (!Fits(fileOffset, fileSize))
                throw new DomainBuildException($"The kernel is cut short: segment {i} ends at byte {fileOffset + fileSize:N0} of a file of {_file.Length:N0} bytes.");
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
        ulong offset = Read<ulong>(_header, 40);
        ushort count = Read<ushort>(_header, 60), nameIndex = Read<ushort>(_header, 62);
        byte[] headers = new byte[count * SectionHeaderSize];
        if (Read<ushort>(_header, 58) != SectionHeaderSize || nameIndex >= count || !_file.TryRead(offset, headers))
            return;
        bool hasNoteSegments = _notes.Count > 0;
        Range64 names = Section(headers, nameIndex);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = headers.AsSpan(i * SectionHeaderSize, SectionHeaderSize);
            uint type = Read<uint>(header, 4);
            Range64 section = Section(headers, i);
            if (type == SectionNoBits || !Fits(section.Offset, section.Size))
                continue;
            if (type == SectionNote && !hasNoteSegments)
                _notes.Add(section);
            if (NameIs(names, Read<uint>(header, 0), "__xen_guest"u8))
                _legacyGuestInfo = Text(section);
        }
    }

    private static Range64 Section(ReadOnlySpan<byte> headers, int index)
    {
        ReadOnlySpan<byte> header = headers[(index * SectionHeaderSize)..];
        return new(Read<ulong>(header, 24), Read<ulong>(header, 32));
    }

    private bool NameIs(Range64 names, uint offset, ReadOnlySpan<byte> name)
    {
        byte[] found = new byte[name.Length + 1];
        return Fits(names.Offset, names.Size) && offset <= names.Size && names.Size - offset >= (ulong)found.Length
            && _file.TryRead(names.Offset + offset, found) && found.AsSpan().StartsWith(name) && found[^1] == 0;
    }

    private string Text(Range64 section)
    {
        ReadOnlySpan<byte> text = _file.Read(section.Offset, Math.Min(section.Size, LargestNotes));
        int end = text.IndexOf((byte)0);
        return System.Text.Encoding.ASCII.GetString(end < 0 ? text : text[..end]);
    }

    private bool Fits(ulong offset, ulong size) => offset <= _file.Length && size <= _file.Length - offset;

    private static T Read<T>(ReadOnlySpan<byte> data, int offset) where T : unmanaged => MemoryMarshal.Read<T>(data[offset..]);
}
